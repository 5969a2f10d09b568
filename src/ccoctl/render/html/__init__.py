"""A proof as one HTML page that needs nothing else.

Belongs here: pure functions from a proof to markup, the page's style sheet and script. Does not belong here: text that
is put into markup unescaped (`markup.el` escapes it), requests, inline event handlers, inline styles.
"""
