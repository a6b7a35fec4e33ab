"""A Kerberos realm of our own on loopback: a KDC, the keys of services on
localhost, tickets.

    with Realm(folder, services=["imap", "pop"], users={"tim": "secret"}) as r:
        env = r.ticket("tim")     # KRB5_CONFIG and KRB5CCNAME for the client
        r.config, r.keytab        # for the server
"""
import os
import subprocess

from processes import Process, free_port, listens, until

REALM = "HAUL.TEST"

_CONFIG = """[libdefaults]
default_realm = {realm}
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
[realms]
{realm} = {{
 kdc = 127.0.0.1:{port}
}}
[domain_realm]
localhost = {realm}
"""

_KDC = """[kdcdefaults]
kdc_listen = 127.0.0.1:{port}
kdc_tcp_listen = 127.0.0.1:{port}
[realms]
{realm} = {{
 database_name = {dir}/principal
 key_stash_file = {dir}/stash
 acl_file = {dir}/acl
}}
[logging]
kdc = FILE:{dir}/kdc.log
"""


class Realm:
    def __init__(self, folder, services, users):
        self.dir, self.users = folder, users
        self.port = free_port()
        self.config = self._write("krb5.conf", _CONFIG)
        self.keytab = os.path.join(folder, "keytab")
        self.env = dict(os.environ, KRB5_CONFIG=self.config,
                        KRB5_KDC_PROFILE=self._write("kdc.conf", _KDC))
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master")
        todo = ["addprinc -pw %s %s" % (p, u) for u, p in users.items()]
        for name in services:
            todo += ["addprinc -randkey %s/localhost" % name,
                     "ktadd -k %s %s/localhost" % (self.keytab, name)]
        self._run("kadmin.local", "-r", REALM, input="\n".join(todo) + "\n")
        os.chmod(self.keytab, 0o644)     # a server's own user reads it
        self.process = Process(["krb5kdc", "-n", "-r", REALM],
                               os.path.join(folder, "output"), env=self.env)
        until(lambda: listens(self.port), "krb5kdc", proc=self.process)

    def _write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text.format(dir=self.dir, port=self.port, realm=REALM))
        return path

    def _run(self, *words, input=None, env=None):
        paths = self.env["PATH"] + ":/usr/sbin"
        subprocess.run(words, input=input, text=True, check=True,
                       env=dict(env or self.env, PATH=paths), timeout=60,
                       stdout=subprocess.DEVNULL)

    def ticket(self, user):
        env = {"KRB5_CONFIG": self.config,
               "KRB5CCNAME": "FILE:" + os.path.join(self.dir, "cc." + user)}
        self._run("kinit", user, input=self.users[user] + "\n",
                  env=dict(self.env, **env))
        return env

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()
