// SPDX-License-Identifier: Apache-2.0
// A Node guest: lookups, sockets, files, a child and a worker; prints what each said, in order.
'use strict';
const dns = require('dns'), net = require('net'), fs = require('fs');
const { spawnSync } = require('child_process'), { Worker, isMainThread } = require('worker_threads');

const port = Number(process.argv[2]);
const greet = () => new Promise((resolve) => {
	net.connect(port, '127.0.0.1').on('data', function (d) {
		this.destroy();
		resolve(String(d));
	});
});
const refused = () => new Promise((resolve) => {
	net.connect(1, '127.0.0.1').on('error', (e) => resolve(e.code));
});

async function main() {
	console.log((await dns.promises.lookup('localhost', { family: 4 })).address);
	console.log(await dns.promises.lookup('no-such-host.invalid').catch((e) => e.code.length > 0));
	console.log(await Promise.all([greet(), greet(), greet()]));
	console.log(await refused());
	console.log(fs.readdirSync('/usr/include').includes('stdio.h'));
	console.log(String(spawnSync('/bin/echo', ['child']).stdout));
	await new Promise((r) => new Worker(__filename, { argv: [port] }).on('exit', r));
}

if (isMainThread)
	main();
else
	greet().then((text) => console.log('worker', text));
