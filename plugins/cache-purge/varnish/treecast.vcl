# Lets Treecast's cache-purge plugin make Varnish forget objects. Include it after `vcl 4.1;` and the backends, before your own subroutines:
#     include "treecast.vcl";
# PURGE forgets one URL with all its variants; BAN forgets URLs by pattern, everything of a host, or what was cached as missing.

import purge;
import std;

# Machines that may purge: the CCM.
acl treecast_purgers {
    "localhost";
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.method == "PURGE" || req.method == "BAN") {
        if (client.ip !~ treecast_purgers) {
            return (synth(405, "Not from here"));
        }
        # With `secret` in the plugin's configuration: the same secret in this file. One that cannot be read is an empty text.
        # if (req.http.x-treecast-secret !~ "." || req.http.x-treecast-secret != regsub(std.fileread("/etc/varnish/treecast.secret"), "\s+$", "")) {
        #     return (synth(405, "Wrong secret"));
        # }
        unset req.http.x-treecast-secret;
        unset req.http.x-treecast-purged;
    }
    # A PURGE by keys is treecast-xkey.vcl's.
    if (req.method == "PURGE" && !req.http.xkey-purge && !req.http.xkey-softpurge) {
        # Straight to vcl_miss: no waiting for a fetch that is under way, no backend.
        set req.hash_always_miss = true;
        return (hash);
    }
    if (req.method == "BAN") {
        if (!req.http.x-ban-host) {
            return (synth(400, "x-ban-host is missing"));
        }
        set req.http.x-treecast-ban = "obj.http.x-treecast-host == " + req.http.x-ban-host;
        if (req.http.x-ban-urls) {
            set req.http.x-treecast-ban = req.http.x-treecast-ban + " && obj.http.x-treecast-url ~ " + req.http.x-ban-urls;
        }
        if (req.http.x-ban-status) {
            set req.http.x-treecast-ban = req.http.x-treecast-ban + " && obj.status ~ " + req.http.x-ban-status;
        }
        if (std.ban(req.http.x-treecast-ban)) {
            return (synth(200, "Banned"));
        }
        return (synth(400, std.ban_error()));
    }
}

sub vcl_miss {
    if (req.method == "PURGE") {
        if (req.http.x-purge-soft) {
            # Served once more, within its grace, while it is fetched anew.
            set req.http.x-treecast-purged = purge.soft(0s);
        } else {
            set req.http.x-treecast-purged = purge.hard();
        }
        return (synth(200, "Purged"));
    }
}

# Bans name the object alone, so that Varnish's ban lurker can work through them.
sub vcl_backend_response {
    set beresp.http.x-treecast-host = bereq.http.host;
    set beresp.http.x-treecast-url = bereq.url;
}

sub vcl_deliver {
    unset resp.http.x-treecast-host;
    unset resp.http.x-treecast-url;
}

sub vcl_synth {
    if (req.method == "PURGE" || req.method == "BAN") {
        if (req.http.x-treecast-purged) {
            # How many objects were forgotten.
            set resp.http.x-treecast-purged = req.http.x-treecast-purged;
        }
        set resp.http.content-type = "text/plain";
        synthetic(resp.reason);
        return (deliver);
    }
}
