"""A small IMAP, POP3 or SMTP server over TLS whose sign-in is Cyrus SASL's
(libsasl2 by ctypes): the only free server side of SCRAM with -PLUS in Debian 12.
It knows enough of each protocol for `mailhaul check`.

    with Server("imap", ca, users={"tim": "x"}) as s:
        s.port; s.scheme; s.plus = False (not listed any more); s.log
Each sign-in is noted in s.log: (mechanism, first message in clear, accepted).
"""
import atexit
import base64
import ctypes
import os
import shutil
import ssl
import tempfile

from listener import Listener

OK, CONTINUE = 0, 1
_GETOPT, _CHANNEL_BINDING, _SET_CREATE = 1, 21, 1
_lib = None
_kept = []                       # what libsasl2 goes on pointing at


class _Callback(ctypes.Structure):
    _fields_ = [("id", ctypes.c_ulong), ("proc", ctypes.c_void_p),
                ("context", ctypes.c_void_p)]


class _Binding(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("critical", ctypes.c_int),
                ("len", ctypes.c_ulong), ("data", ctypes.c_char_p)]


_GETOPT_FN = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p,
    ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_uint))


def _library():
    """libsasl2, with a sasldb of our own; once for the process."""
    global _lib
    if _lib:
        return _lib
    folder = tempfile.mkdtemp(prefix="mailhaul-sasl-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    options = {b"auxprop_plugin": b"sasldb", b"pwcheck_method": b"auxprop",
               b"sasldb_path": os.path.join(folder, "db").encode(),
               b"log_level": b"0"}

    def getopt(_, plugin, option, result, length):
        value = options.get(option)
        if value is None:
            return -1
        result[0] = value
        if length:
            length[0] = len(value)
        return OK

    fn = _GETOPT_FN(getopt)
    callbacks = (_Callback * 2)(
        _Callback(_GETOPT, ctypes.cast(fn, ctypes.c_void_p), None),
        _Callback(0, None, None))
    lib = ctypes.CDLL("libsasl2.so.2")
    assert lib.sasl_server_init(callbacks, b"mailhaul-tests") == OK
    _kept.extend([fn, callbacks, options])
    _lib = lib
    return lib


def exporter(sock):
    """RFC 9266; Python 3.11 cannot, so by way of its SSL*."""
    lib = ctypes.CDLL(ssl._ssl.__file__)
    pointer = ctypes.c_void_p.from_address(id(sock._sslobj) + 24)
    out = ctypes.create_string_buffer(32)
    label = b"EXPORTER-Channel-Binding"
    lib.SSL_export_keying_material.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p,
        ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    assert lib.SSL_export_keying_material(pointer, out, 32, label, len(label),
                                          b"", 0, 0) == 1
    return out.raw


class Cyrus:
    """One sign-in on the server's side."""

    def __init__(self, service, name=None, data=b""):
        self.lib = _library()
        self.conn = ctypes.c_void_p()
        assert self.lib.sasl_server_new(
            service.encode(), b"localhost", b"test", None, None, None, 0,
            ctypes.byref(self.conn)) == OK
        if name:
            self.binding = _Binding(name.encode(), 0, len(data), data)
            assert self.lib.sasl_setprop(self.conn, _CHANNEL_BINDING,
                                         ctypes.byref(self.binding)) == OK

    def set_password(self, user, password):
        octets = password.encode()
        assert self.lib.sasl_setpass(
            self.conn, user.encode(), octets, len(octets), None, 0,
            _SET_CREATE) == OK

    def step(self, mech, data):
        """(result, octets for the client); mech None: a further step."""
        out, n = ctypes.c_char_p(), ctypes.c_uint()
        args = [data, len(data) if data is not None else 0,
                ctypes.byref(out), ctypes.byref(n)]
        if mech is None:
            r = self.lib.sasl_server_step(self.conn, *args)
        else:
            r = self.lib.sasl_server_start(self.conn, mech.encode(), *args)
        return r, ctypes.string_at(out, n.value) if out.value else b""

    def close(self):
        self.lib.sasl_dispose(ctypes.byref(self.conn))


class Server:
    def __init__(self, protocol, ca, users, tls="1.3", mechs=(
            "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256",
            "SCRAM-SHA-1", "PLAIN")):
        self.protocol, self.mechs, self.log = protocol, list(mechs), []
        self.scheme = {"imap": "imaps", "pop": "pop3s",
                       "smtp": "smtps"}[protocol]
        self.token = "ya29.token"
        self.binding = True      # False: another one than the client's
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*ca.issue("signin"))
        self.context.num_tickets = 0
        if tls == "1.2":
            self.context.maximum_version = ssl.TLSVersion.TLSv1_2
        for user, password in users.items():
            c = Cyrus(protocol)
            c.set_password(user, password)
            c.close()
        self.listener = Listener(self._serve)
        self.port = self.listener.port
        self.url = "%s://localhost:%d" % (self.scheme, self.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _serve(self, sock):
        try:
            with self.context.wrap_socket(sock, server_side=True) as tls:
                self.sock, self.file = tls, tls.makefile("rb")
                getattr(self, "_" + self.protocol)(tls, self.file)
        except (OSError, ssl.SSLError):
            pass

    def _cyrus(self, tls):
        if tls.version() == "TLSv1.3":
            name, data = "tls-exporter", exporter(tls)
        else:
            name, data = "tls-unique", tls.get_channel_binding("tls-unique")
        return Cyrus(self.protocol, name, data if self.binding else b"other")

    def _sign_in(self, tls, file, mech, first, prompt):
        """True: accepted. first: None, or base64."""
        def ask(octets):
            tls.sendall(prompt + base64.b64encode(octets) + b"\r\n")
            return file.readline().strip()

        if mech not in self.mechs:
            return False
        if first is None and mech != "LOGIN" and mech != "CRAM-MD5":
            first = ask(b"")
        if mech in ("XOAUTH2", "OAUTHBEARER"):
            return self._bearer(mech, base64.b64decode(first), ask)
        if first is None:
            return self._questions(tls, mech, ask)
        clear = b"" if first == b"=" else base64.b64decode(first)
        said = clear
        cyrus = self._cyrus(tls)
        result, out = cyrus.step(mech, clear)
        while result == CONTINUE:
            answer = ask(out)
            if answer == b"*":
                result = -1
                break
            result, out = cyrus.step(None, base64.b64decode(answer))
        if result == OK and out:          # no data with success: one round
            ask(out)
        cyrus.close()
        self.log.append((mech, said.decode("utf-8", "replace"),
                         result == OK))
        return result == OK

    def _bearer(self, mech, said, ask):
        """What libsasl2 has not: any token but self.token is refused with the
        JSON of RFC 7628 3.2.2."""
        ok = b"\1auth=Bearer " + self.token.encode() + b"\1\1" in said
        if not ok:
            answer = ask(b'{"status":"invalid_token"}')
            assert answer == (b"" if mech == "XOAUTH2" else b"AQ=="), answer
        self.log.append((mech, said.decode(), ok))
        return ok

    def _questions(self, tls, mech, ask):
        """The server speaks first."""
        cyrus = self._cyrus(tls)
        result, out = cyrus.step(mech, None)
        while result == CONTINUE:
            result, out = cyrus.step(None, base64.b64decode(ask(out)))
        cyrus.close()
        self.log.append((mech, "", result == OK))
        return result == OK

    def _imap(self, tls, file):
        caps = "IMAP4rev1 LOGINDISABLED SASL-IR " + " ".join("AUTH=" + m for m in self.mechs)
        tls.sendall(b"* OK [CAPABILITY %s] hi\r\n" % caps.encode())
        for line in file:
            tag, verb, *rest = line.decode().split()
            reply = "OK done"
            if verb == "AUTHENTICATE":
                first = rest[1].encode() if len(rest) > 1 else None
                if self._sign_in(tls, file, rest[0], first, b"+ "):
                    reply = "OK [CAPABILITY IMAP4rev1] in"
                else:
                    reply = "NO [AUTHENTICATIONFAILED] no"
            elif verb == "CAPABILITY":
                tls.sendall(b"* CAPABILITY IMAP4rev1\r\n")
            elif verb in ("SELECT", "EXAMINE"):
                tls.sendall(b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] \r\n"
                            b"* OK [UIDNEXT 1] \r\n")
            elif verb == "LIST":
                tls.sendall(b'* LIST () "/" INBOX\r\n')
            tls.sendall(("%s %s\r\n" % (tag, reply)).encode())

    def _pop(self, tls, file):
        tls.sendall(b"+OK hi\r\n")
        for line in file:
            verb, *rest = line.decode().split()
            reply = "+OK"
            if verb == "CAPA":
                reply = "+OK\r\nSASL %s\r\nUIDL\r\nTOP\r\n." % \
                    " ".join(self.mechs)
            elif verb == "AUTH":
                first = rest[1].encode() if len(rest) > 1 else None
                if not self._sign_in(tls, file, rest[0], first, b"+ "):
                    reply = "-ERR [AUTH] no"
            elif verb in ("LIST", "UIDL"):
                reply = "+OK\r\n."
            tls.sendall((reply + "\r\n").encode())

    def _smtp(self, tls, file):
        tls.sendall(b"220 hi\r\n")
        for line in file:
            verb, *rest = line.decode().split()
            reply = "250 ok"
            if verb == "EHLO":
                reply = "250-hi\r\n250 AUTH " + " ".join(self.mechs)
            elif verb == "AUTH":
                first = rest[1].encode() if len(rest) > 1 else None
                if self._sign_in(tls, file, rest[0], first, b"334 "):
                    reply = "235 2.7.0 in"
                else:
                    reply = "535 5.7.8 no"
            elif verb == "QUIT":
                reply = "221 bye"
            tls.sendall((reply + "\r\n").encode())
