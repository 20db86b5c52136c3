"""Requests through a real nginx."""
import http.client
import json
import random
import threading


def request(port, method, target, body=None, content_type="application/json"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Content-Type": content_type} if body is not None else {}
    if isinstance(body, str):
        body = body.encode()
    connection.request(method, target, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def post_json(port, client, **more):
    return request(port, "POST", "/items", json.dumps({"client_id": client, **more}))


class Load:
    """Threads that send requests for `clients` clients until stop(), over kept connections."""

    def __init__(self, port, clients=50, threads=3, seed=1):
        self.port, self.clients = port, clients
        self.done = threading.Event()
        self.sent = 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(seed + k,), daemon=True)
                        for k in range(threads)]

    def _run(self, seed):
        chance = random.Random(seed)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.done.is_set():
            client = f"LOAD_{chance.randrange(self.clients)}"
            kind = chance.randrange(10)
            if kind < 6:
                body = json.dumps({"client_id": client, "records": [{"client_id": "decoy"}]})
                connection.request("POST", "/items", body, {"Content-Type": "application/json"})
            elif kind < 9:
                connection.request("POST", f"/items?client_id={client}", '{"a":1}\n{"b":2}\n',
                                   {"Content-Type": "text/plain"})
            else:
                connection.request("GET", "/health")
            connection.getresponse().read()
            with self.lock:
                self.sent += 1
        connection.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.done.set()
        for thread in self.threads:
            thread.join()
        return self.sent

    def __exit__(self, *_):
        self.stop()
