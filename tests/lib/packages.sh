# packages.sh - sourced by tests/run and tests/demo: Debian packages that are
# missing, and Exim's program, which cannot be installed beside Postfix.
#
# packages_install NAME...   installs what is missing and nothing else. Needs no
#     network when all is there. No service is started: policy-rc.d forbids it
#     meanwhile and is put back exactly as it was found. As root, else by sudo.
# packages_exim FOLDER       unpacks Exim below FOLDER (FOLDER/usr/sbin/exim4),
#     unless it is there already or Exim is installed.
#
# Both return 1 with a line on stderr when something cannot be had.

packages_build="cmake ninja-build gcc clang pkg-config libssl-dev libuv1-dev zlib1g-dev
	libconfuse-dev libsqlite3-dev libgsasl-dev libjansson-dev
	libcmocka-dev"
packages_servers="dovecot-imapd dovecot-pop3d dovecot-lmtpd postfix openssl python3
	python3-dkim"
packages_tests="python3-pytest strace valgrind libdb5.3 libgnutls-dane0
	libpcre2-8-0 libidn12 libnss-wrapper libsasl2-2 libsasl2-modules
	libsasl2-modules-db libsasl2-modules-gssapi-mit microsocks tinyproxy-bin
	krb5-kdc krb5-admin-server krb5-user dovecot-gssapi
	systemd libseccomp2"

packages_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		command -v sudo >/dev/null ||
			{ echo "packages: neither root nor sudo: $*" >&2; return 1; }
		sudo "$@"
	fi
}

packages_missing() {
	for package; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
			grep -q 'install ok installed' || echo "$package"
	done
}

packages_apt() {
	packages_root env DEBIAN_FRONTEND=noninteractive apt-get -q \
		-o DPkg::Lock::Timeout=300 "$@"
}

# Runs apt-get with service starts forbidden. A policy that stands already is
# kept if it forbids (its exit code is 101), else moved aside and moved back.
packages_quietly() (
	policy=/usr/sbin/policy-rc.d
	found=absent
	if [ -e $policy ] || [ -L $policy ]; then
		found=kept
		grep -q '^exit 101' $policy || found=$policy.found-by-mailhaul
	fi
	restore() {
		case $found in
		absent) packages_root rm -f $policy ;;
		kept) ;;
		*) packages_root mv -f "$found" $policy ;;
		esac
	}
	trap restore EXIT
	trap 'exit 130' INT TERM HUP
	case $found in
	kept) ;;
	absent) ;;
	*) packages_root mv $policy "$found" ;;
	esac
	if [ $found != kept ]; then
		printf '#!/bin/sh\nexit 101\n' |
			packages_root tee $policy >/dev/null
		packages_root chmod 755 $policy
	fi
	packages_apt "$@"
)

packages_install() {
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	echo "installing:" $missing
	# The lists may be old or absent: try with what is there, then anew.
	packages_quietly install -y --no-install-recommends $missing \
		>/dev/null 2>&1 && return 0
	packages_apt update || return 1
	packages_quietly install -y --no-install-recommends $missing
}

packages_exim() {
	[ ! -x "$1/usr/sbin/exim4" ] && [ ! -x /usr/sbin/exim4 ] || return 0
	mkdir -p "$1/debs" || return 1
	(
		cd "$1/debs" || exit 1
		names="exim4-daemon-light exim4-base"
		apt-get -q download $names >/dev/null 2>&1 || {
			packages_apt update >/dev/null 2>&1
			apt-get -q download $names
		} || exit 1
		for deb in *.deb; do
			dpkg -x "$deb" .. || exit 1
		done
	) || { echo "packages: no Exim to unpack" >&2; return 1; }
	# Not setuid: it runs as an ordinary user, with preloaded names.
	chmod u-s "$1/usr/sbin/exim4"
	rm -rf "$1/debs"
}
