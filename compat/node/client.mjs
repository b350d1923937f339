// A client: node client.mjs ws|undici|native URL. It sends messages of all sizes, as text and as binary, expects
// each back, and closes. It prints "ok" and how the connection ended.
import process from 'node:process';

const [kind, url] = process.argv.slice(2);
const WebSocket = kind === 'native' ? globalThis.WebSocket : (await import(kind)).WebSocket;
const sizes = [0, 1, 125, 126, 127, 4096, 65535, 65536, 65537, 1 << 20];
const texts = sizes.map((n) => 'grüße 漢字 😀 '.repeat(n / 8 + 1).slice(0, n).toWellFormed?.() ?? 'x'.repeat(n));
const messages = [...texts, ...sizes.map((n) => new Uint8Array(n).map((_, i) => i * 7))];

const fail = (why) => {
  console.log(why);
  process.exit(1);
};
const same = (a, b) => typeof a === 'string' ? a === b : Buffer.compare(Buffer.from(a), Buffer.from(b)) === 0;

const socket = new WebSocket(url, ['chat', 'echo']);
socket.binaryType = 'arraybuffer';
let next = 0;
const send = () => next < messages.length ? socket.send(messages[next]) : socket.close(4000, 'done');
socket.onopen = () => {
  console.log('protocol', socket.protocol);
  send();
};
socket.onmessage = ({ data }) => {
  const want = messages[next++];
  if (typeof data !== typeof want && typeof want === 'string' || !same(data, want)) fail('message ' + (next - 1) + ' is not the same');
  send();
};
socket.onerror = (e) => fail('error: ' + (e.message ?? e.error));
socket.onclose = ({ code, wasClean }) => {
  if (next !== messages.length) fail('closed after ' + next + ', ' + code);
  console.log('ok', code, wasClean);
  process.exit(0);
};
setTimeout(() => fail('it hangs at message ' + next), 110e3);
