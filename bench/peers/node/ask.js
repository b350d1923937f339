// node's http module, and undici: node ask.js http|undici -addr HOST:PORT ... as the others take them.
"use strict";

const flags = {addr: "127.0.0.1:8000", path: "/", conns: "64", pipeline: "1", warm: "200ms", for: "1s"};
const args = process.argv.slice(3);
for (let i = 0; i < args.length; i++) {
	const name = args[i].replace(/^-+/, "");
	if (name === "idle") flags.idle = true;
	else flags[name] = args[++i];
}
const ms = s => s.endsWith("ms") ? parseFloat(s) : parseFloat(s) * 1000;
const conns = Number(flags.conns), [host, port] = flags.addr.split(":");
let answers = 0, over = false, idle;

function asker(kind) {
	if (kind === "undici") {
		const {Pool} = require("undici");
		const pool = new Pool(`http://${flags.addr}`, {connections: conns, pipelining: 1});
		return async () => {
			const {body} = await pool.request({path: flags.path, method: "GET"});
			await body.dump();
		};
	}
	const http = require("http");
	const agent = new http.Agent({keepAlive: true, maxSockets: conns, maxFreeSockets: conns});
	return () => new Promise((resolve, reject) => {
		http.get({host, port, path: flags.path, agent}, res => { res.resume(); res.on("end", resolve); }).on("error", reject);
	});
}

function fail(err) {
	if (over) return;
	console.log(JSON.stringify({Error: String(err)}));
	process.exit(1);
}

const get = asker(process.argv[2]);
const before = process.memoryUsage.rss();
for (let i = 0; i < conns; i++) {
	(async () => {
		do {
			await get();
			answers++;
		} while (!over && !flags.idle);
		if (flags.idle && answers === conns) idle();
	})().catch(fail);
}

const sleep = t => new Promise(r => setTimeout(r, t));
(async () => {
	if (flags.idle) {
		await new Promise(r => { idle = r; });
		await sleep(500);
		console.log(JSON.stringify({RSS: process.memoryUsage.rss() - before}));
		process.exit(0);
	}
	await sleep(ms(flags.warm));
	const n = answers, cpu = process.cpuUsage(), at = process.hrtime.bigint();
	await sleep(ms(flags.for));
	const used = process.cpuUsage(cpu);
	over = true;
	console.log(JSON.stringify({Requests: answers - n, Elapsed: Number(process.hrtime.bigint() - at), User: used.user * 1000, System: used.system * 1000}));
	process.exit(0);
})();
