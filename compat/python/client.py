"""A client by the package websockets: client.py URL. It prints "ok" and the code of the end."""
import asyncio, sys
import websockets

SIZES = [0, 1, 125, 126, 127, 4096, 65535, 65536, 65537, 1 << 20]


async def main(url):
    async with websockets.connect(url, subprotocols=["chat", "echo"], max_size=None, open_timeout=60, ping_timeout=None, close_timeout=60) as c:
        print("protocol", c.subprotocol)
        for n in SIZES:
            for m in ("grüße 漢字 😀 " * (n // 8 + 1))[:n], bytes(i * 7 & 255 for i in range(n)):
                await c.send(m)
                assert await c.recv() == m, n
        await c.send(["in ", "fragments ", "ü"])
        assert await c.recv() == "in fragments ü"
        await (await c.ping(b"ping"))
        await c.close(4000, "done")
        print("ok", c.close_code)


asyncio.run(asyncio.wait_for(main(sys.argv[1]), 110))
