"""The bash functions that a dry run's `apply.sh` is made of; bash 3.2 and the sed, tr and grep of any Unix will do."""

from __future__ import annotations

OPENING = r"""#!/usr/bin/env bash
#
# Written by a dry run of ccoctl, to be read before it is run. It does with the AWS CLI (version 1 or 2) what the files
# beside it say, in their order, and fills in what only AWS knows. It can be stopped at any point and run again: what is
# there already is kept, and what has our name and not our tag stops it. Credentials, profile and proxy come from the
# environment, as for every use of the AWS CLI.

set -euo pipefail
"""

COMMON = r"""
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work" "$here/.apply.tmp"' EXIT
export AWS_PAGER='' AWS_CLI_AUTO_PROMPT=off AWS_CLI_ERROR_FORMAT=legacy AWS_CLI_FILE_ENCODING=UTF-8
answer=''
fillings=''

say() { printf '%s\n' "$*" >&2; }
fail() { say "apply.sh: $*"; exit 1; }
step() { say "[$1] $2"; }

[ $# -eq 0 ] || fail 'takes no arguments'
command -v aws >/dev/null || fail 'the AWS CLI is needed, and there is no aws in PATH'

# Asks AWS; the answer, as text, is in $answer. False if the error code is one of $1 (a|b): there is no such thing.
# Any other error ends the script.
ask() {
  local missing=$1
  shift
  if answer=$(aws "$@" --output text 2>"$work/error"); then return 0; fi
  if grep -Eq "\(($missing)\)" "$work/error"; then return 1; fi
  cat "$work/error" >&2
  fail "AWS refused: aws $1 $2"
}

# Asks AWS to do something; the answer is in $answer. Error codes in $1 mean that AWS has not yet seen everywhere what
# was made a moment ago: that is tried again for two minutes.
insist() {
  local not_yet=$1 end=$((SECONDS + 120))
  shift
  until answer=$(aws "$@" --output text 2>"$work/error"); do
    if ((SECONDS >= end)) || ! grep -Eq "\(($not_yet)\)" "$work/error"; then
      cat "$work/error" >&2
      fail "stopped at: aws $1 $2; once the cause is mended, run this script again"
    fi
    sleep 2
  done
}

# What stands for a text, on one line, in the replacement of a sed command.
escaped() { printf '%s' "$1" | tr -d '\n' | sed -e 's/[&|\\]/\\&/g'; }

# From now on, $2 is filled in for the placeholder $1.
know() { fillings="${fillings}s|$1|$(escaped "$2")|g;"; }

# Copies the dry run's file $1 to $work/request, filled in.
fill() {
  [ -f "$here/$1" ] || fail "$1 is not beside this script any more; do the dry run again"
  LC_ALL=C sed -e "$fillings" "$here/$1" >"$work/request"
}

# Ends the script if $work/request still has a placeholder.
complete() {
  local open
  open=$(grep -Eo '<enter_[a-z_]+_here>' "$work/request" | head -n 1 || true)
  [ -z "$open" ] || fail "nothing is known to fill in for $open"
}

# Sends $work/request: the error codes that mean "not yet", service, operation, further arguments.
send() {
  local not_yet=$1
  shift
  complete
  insist "$not_yet" "$@" --cli-input-json "file://$work/request"
}

# Ends the script unless $2, the value of our tag, says that the thing $1 is ours.
ours() { [ "$2" = owned ] || fail "$1 exists and does not carry the tag $tag=owned: it is not ours to change"; }

# In the manifest $1, completes the line that begins with $2 with $3; the file changes as a whole or not at all.
manifest() {
  cp -p -- "$here/$1" "$here/.apply.tmp"
  LC_ALL=C sed -e "s|^$2.*|$2$(escaped "$3")|" -e "/^$open_line\$/d" "$here/$1" >"$here/.apply.tmp"
  mv -f -- "$here/.apply.tmp" "$here/$1"
}
"""

ISSUER = r"""
# What is there of the bucket: $bucket_is becomes missing, ours, or untagged (empty, as an interrupted run leaves it).
look_at_bucket() {
  bucket_is=missing
  ask '404|NoSuchBucket' s3api head-bucket --bucket "$bucket" || return 0
  bucket_is=ours
  if ask NoSuchTagSet s3api get-bucket-tagging --bucket "$bucket" --query "TagSet[?Key=='$tag'] | [0].Value"; then
    ours "bucket $bucket" "$answer"
    return 0
  fi
  bucket_is=untagged
  ask - s3api list-objects-v2 --bucket "$bucket" --max-keys 1 --no-paginate --query KeyCount
  [ "$answer" = 0 ] || fail "bucket $bucket exists, is not empty and carries no tag: it is not ours to change"
}

# The document $1 as it is published, without white space, in $answer; false if there is none.
published() {
  [ "$bucket_is" = ours ] || return 1
  ask 'NoSuchKey|404' s3api get-object --bucket "$bucket" --key "$1" "$work/published" || return 1
  answer=$(tr -d '[:space:]' <"$work/published")
}

# The only line of a list's answer is in $answer, empty if there is none.
find_one() {
  ask - "$@"
  answer=$(printf '%s\n' "$answer" | grep -v '^None$' || true)
  if [[ $answer == *$'\n'* ]]; then fail "there are several, and one is expected: aws $1 $2 for $tag"; fi
}

# An issuer that is published never changes by the way: changing it would cut off the whole cluster. $2 is its path.
keep_issuer() {
  published "$1" || return 0
  case $answer in
    *"\"issuer\":\"https://${host:-none}${2:-}\""*) ;;
    *) fail "bucket $bucket publishes another issuer than this script would; changing it is a migration" ;;
  esac
}

# A key that is published is never dropped: $keys_are becomes missing or published.
keep_keys() {
  local key=$1 kid
  shift
  keys_are=missing
  published "$key" || return 0
  for kid in "$@"; do
    case $answer in
      *"\"kid\":\"$kid\""*) ;;
      *) fail "bucket $bucket publishes another key than ours ($kid); replacing it would cut off every token of it" ;;
    esac
  done
  keys_are=published
}
"""

PROVIDER = r"""
# The thumbprint is optional, and AWS does not look at it for S3 and CloudFront: it is left out unless it was filled in.
without_thumbprint() {
  tr -d '[:space:]' <"$work/request" |
    LC_ALL=C sed -e 's/,"ThumbprintList":\["<enter_[a-z_]*>"]//' >"$work/short"
  mv -f -- "$work/short" "$work/request"
}

# Registers the provider of $work/request with the tags of the file $1, or keeps the one that is there.
provider() {
  local owners
  cp -- "$here/$1" "$work/tags"
  if ! ask NoSuchEntity iam get-open-id-connect-provider --open-id-connect-provider-arn "$provider_arn" \
    --query "Tags[?starts_with(Key, '$prefix') && Value=='owned'].Key"; then
    send - iam create-open-id-connect-provider --tags "file://$work/tags"
    return 0
  fi
  owners=$answer
  case $owners in
    "$tag") ;;
    '' | None) # of our own issuer and untagged, as an interrupted run leaves it
      insist - iam tag-open-id-connect-provider --open-id-connect-provider-arn "$provider_arn" --tags "file://$work/tags"
      ;;
    *) fail "OIDC provider $provider_arn belongs to $owners" ;;
  esac
}
"""

CLOUDFRONT = r"""
# The distribution that is there: its id, ARN and domain name, or nothing.
look_at_distribution() {
  find_one cloudfront list-distributions --query "DistributionList.Items[?Comment=='$tag'].[Id,ARN,DomainName]"
  IFS=$'\t' read -r distribution distribution_arn host <<<"$answer"
  [ -n "$distribution" ] || return 0
  ask - cloudfront list-tags-for-resource --resource "$distribution_arn" --query "Tags.Items[?Key=='$tag'] | [0].Value"
  ours "distribution $distribution" "$answer"
}

# Puts the tags of the dry run's file $1 into $work/request: a distribution is ours from its first moment.
retag() {
  local tags
  tags=$(tr -d '\r\n' <"$here/$1")
  tr -d '\r\n' <"$work/request" |
    LC_ALL=C sed -E "s|\"Tags\" *: *[{] *\"Items\"[^]]*] *[}]|\"Tags\": $(escaped "$tags")|" >"$work/tagged"
  mv -f -- "$work/tagged" "$work/request"
}

# Asks until the answer is $4, for $1 seconds at most; $2 seconds before the second time, later up to $3.
await() {
  local end=$((SECONDS + $1)) pause=$2 longest=$3 wanted=$4
  shift 4
  while ask - "$@" && [ "$answer" != "$wanted" ]; do
    ((SECONDS < end)) || fail "it is still $answer; run this script again later, and it goes on from here"
    say "      $answer"
    sleep "$pause"
    pause=$((pause * 2 < longest ? pause * 2 : longest))
  done
}
"""

ROLES = r"""
# Makes the role $1 of $work/request, or brings the trust policy of the one that is there up to it; its ARN is in
# $answer. Anything else of a role that is there stays as it is.
role() {
  local arn owner trust text
  if ! ask NoSuchEntity iam get-role --role-name "$1" \
    --query "Role.[Arn, Tags[?Key=='$tag'] | [0].Value, to_string(AssumeRolePolicyDocument)]"; then
    send - iam create-role --query Role.Arn
    return 0
  fi
  IFS=$'\t' read -r arn owner trust <<<"$answer"
  ours "role $1" "$owner"
  text=$(tr -d '\r\n' <"$work/request" |
    sed -nE 's/.*"AssumeRolePolicyDocument"[[:space:]]*:[[:space:]]*("([^"\\]|\\.)*").*/\1/p')
  if [ "$(printf '%s' "$text" | sed -e 's/^"//' -e 's/"$//' -e 's/\\\(["\\]\)/\1/g')" != "$trust" ]; then
    printf '{"RoleName": "%s", "PolicyDocument": %s}' "$1" "$text" >"$work/trust"
    complete
    insist NoSuchEntity iam update-assume-role-policy --cli-input-json "file://$work/trust"
  fi
  answer=$arn
}
"""
