"""Release images: the files of a release, from a registry or from an image on disk.

Belongs here: image references, registries and layouts, layers, and which manifests of a release are meant. Does not
belong here: what the requests in them ask for (credentialsrequest), and where extracted files go (workflows).
"""
