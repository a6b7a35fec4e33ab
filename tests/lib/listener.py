"""A TCP server on loopback at a free port: each connection in a thread.

    listener = Listener(serve)      # serve(socket)
    listener.port
    listener.close()                # takes no more; what is open goes on
"""
import socket
import threading


class Listener:
    def __init__(self, serve, backlog=128):
        self.serve = serve
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,),
                             daemon=True).start()

    def close(self):
        try:
            # close() alone leaves a thread that waits in accept() waiting
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
