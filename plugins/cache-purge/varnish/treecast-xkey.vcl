# For `mode: xkey`: forgets objects by the keys that the origin sends in the header `xkey`. Needs vmod xkey (Debian: varnish-modules).
# Included behind treecast.vcl, which has checked who asks:
#     include "treecast.vcl";
#     include "treecast-xkey.vcl";

import xkey;

sub vcl_recv {
    if (req.method == "PURGE" && req.http.xkey-purge) {
        set req.http.x-treecast-purged = xkey.purge(req.http.xkey-purge);
        return (synth(200, "Purged"));
    }
    if (req.method == "PURGE" && req.http.xkey-softpurge) {
        set req.http.x-treecast-purged = xkey.softpurge(req.http.xkey-softpurge);
        return (synth(200, "Purged"));
    }
}
