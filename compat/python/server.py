"""A server by the package websockets: an echo. It prints its port; "deflate" has it compress."""
import asyncio, sys
import websockets


async def echo(c):
    async for m in c:
        await c.send(m)


async def main():
    how = "deflate" if sys.argv[1:] == ["deflate"] else None
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None, compression=how, ping_timeout=None, close_timeout=60) as s:
        print(s.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
