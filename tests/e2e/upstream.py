"""A tiny application: HTTP/1.1 with keep-alive, answers every request with 200. upstream.py PORT"""
import asyncio
import sys

ANSWER = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n"
          b'{"ok":true}')


class Application(asyncio.Protocol):
    def __init__(self):
        self.bytes = b""
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.bytes += data
        while True:
            head, end, rest = self.bytes.partition(b"\r\n\r\n")
            if not end:
                return
            length = 0
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if len(rest) < length:
                return
            self.bytes = rest[length:]
            self.transport.write(ANSWER)


async def main(port):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Application, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
