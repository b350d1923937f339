// A server by the npm package ws: an echo. It prints its port; "deflate" has it compress.
import process from 'node:process';
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({
  host: '127.0.0.1', port: 0, perMessageDeflate: process.argv[2] === 'deflate' && { threshold: 0 },
});
server.on('listening', () => console.log(server.address().port));
server.on('connection', (c) => {
  c.on('message', (data, binary) => c.send(data, { binary }));
  c.ping('from the server');
});
process.stdin.resume().on('end', () => process.exit(0));
