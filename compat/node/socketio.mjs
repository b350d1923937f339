// Socket.IO's own client: socketio.mjs URL TRANSPORTS. It prints "ok" at the end.
import { io } from "socket.io-client";
import assert from "node:assert";

const [url, transports] = process.argv.slice(2);
const names = transports.split(",");
const socket = io(url, { transports: names, reconnection: false, timeout: 60000 });
const fail = (why) => { console.error(why); process.exit(1); };
socket.on("connect_error", fail);
setTimeout(() => fail("it takes too long"), 120000).unref();

const once = (name) => new Promise((resolve) => socket.once(name, (...args) => resolve(args)));
const ask = (...args) => socket.timeout(60000).emitWithAck("echo", ...args);

await once("connect");
if (names.length > 1) { // it begins by polling, and moves
  if (socket.io.engine.transport.name !== "websocket") await new Promise((r) => socket.io.engine.once("upgrade", r));
  assert.equal(socket.io.engine.transport.name, "websocket");
}
for (const size of [1, 1000, 20000]) {
  const text = "x".repeat(size), bytes = Buffer.alloc(size, 7);
  const echoed = once("echoed");
  const ack = await ask(text, size, { a: [1, null] });
  const [t, n, o] = await echoed;
  assert.equal(t, text);
  assert.equal(n, size);
  assert.deepEqual(o, { a: [1, null] });
  assert.equal(ack, text);
  const back = once("echoed");
  socket.emit("echo", bytes); // the library reads bytes once: no acknowledgement too
  assert.deepEqual(Buffer.from((await back)[0]), bytes);
}
const news = once("news");
socket.emit("all", "to everybody");
assert.deepEqual((await news)[0], "to everybody");
assert.ok(socket.connected);
socket.disconnect();
console.log("ok");
process.exit(0);
