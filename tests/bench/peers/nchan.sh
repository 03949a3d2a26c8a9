# shellcheck shell=bash
# nginx with nchan, for the benchmark. Sourced, not run.

# unpack_nchan FOLDER: without installing anything, which would need root and start a server. Where the system has no
# such packages the benchmark goes on without this peer.
unpack_nchan() {
    local folder=$1 packages
    # The module makes a folder in here whatever the configuration says, and nginx's package would have made this one.
    mkdir -p /var/lib/nginx 2>/dev/null || true
    if [[ -e $folder/usr/lib/nginx/modules/ngx_nchan_module.so ]] ||
        [[ -e /usr/lib/nginx/modules/ngx_nchan_module.so ]] || ! command -v apt-get >/dev/null; then
        return 0
    fi
    packages=$(mktemp -d)
    # A module fits only the nginx it was built for, so both come from the same place.
    if (cd "$packages" && apt-get download nginx libnginx-mod-nchan) >/dev/null 2>&1; then
        mkdir -p "$folder"
        for package in "$packages"/*.deb; do
            dpkg-deb --extract "$package" "$folder"
        done
    else
        say "nchan cannot be had here; the benchmark goes on without it"
    fi
    rm -rf "$packages"
}
