"""A certificate authority of the tests' own, by the openssl program."""
import os
import subprocess


def _openssl(*args):
    subprocess.run(["openssl", *args], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class CA:
    """Keys and certificates below one folder; .file is what to trust."""

    def __init__(self, folder, name="mailhaul test CA"):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.file = os.path.join(folder, "ca.pem")
        self._key = os.path.join(folder, "ca.key")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                 "-subj", "/CN=" + name, "-keyout", self._key,
                 "-out", self.file)

    def issue(self, name, san="DNS:localhost,IP:127.0.0.1", cn="localhost",
              days=30):
        """(certificate file, key file); days may be 0 and below: expired."""
        base = os.path.join(self.folder, name)
        cert, key = base + ".pem", base + ".key"
        if os.path.exists(cert):
            return cert, key
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + cn,
                 "-keyout", key, "-out", base + ".csr")
        with open(base + ".ext", "w") as f:
            f.write("subjectAltName=%s\n" % san if san else "\n")
        if days > 0:
            _openssl("x509", "-req", "-in", base + ".csr", "-CA", self.file,
                     "-CAkey", self._key, "-CAcreateserial", "-days",
                     str(days), "-extfile", base + ".ext", "-out", cert)
        else:
            self._expired(base, cert)
        os.chmod(key, 0o644)       # throw-away, and read by several users
        return cert, key

    def self_signed(self, name, san="DNS:localhost,IP:127.0.0.1"):
        """(certificate file, key file) of nobody's authority."""
        base = os.path.join(self.folder, name)
        if not os.path.exists(base + ".pem"):
            _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                     "30", "-subj", "/CN=localhost", "-addext",
                     "subjectAltName=" + san, "-addext",
                     "basicConstraints=CA:FALSE", "-keyout", base + ".key",
                     "-out", base + ".pem")
            os.chmod(base + ".key", 0o644)
        return base + ".pem", base + ".key"

    def _expired(self, base, cert):
        """`openssl x509` cannot date back, `openssl ca` can."""
        with open(base + ".cnf", "w") as f:
            f.write("[ca]\ndefault_ca = d\n[d]\ndatabase = %s.db\n"
                    "new_certs_dir = %s\nserial = %s.srl\n"
                    "default_md = sha256\npolicy = p\n"
                    "[p]\ncommonName = supplied\n"
                    % (base, self.folder, base))
        open(base + ".db", "w").close()
        with open(base + ".srl", "w") as f:
            f.write("7001\n")
        _openssl("ca", "-batch", "-notext", "-config", base + ".cnf",
                 "-in", base + ".csr", "-cert", self.file, "-keyfile",
                 self._key, "-startdate", "20200101000000Z", "-enddate",
                 "20210101000000Z", "-extfile", base + ".ext", "-out", cert)
