// SPDX-License-Identifier: Apache-2.0
// As test/clients/c/writer.c, by mysql2 and the address that c-ares finds:
//
//   resolve.mjs HOST NUMBER [MILLISECONDS]
import dns from 'node:dns/promises';
import mysql from 'mysql2/promise';

const [host, number, pause = '5'] = process.argv.slice(2);
// Node has the monotonic clock only; the boot clock is ahead of it by what the machine slept.
const offset = BigInt(process.env.BOOT_MINUS_MONOTONIC_NS ?? 0);
const tell = (text) => process.stdout.write(`${process.hrtime.bigint() + offset} ${text}\n`);
let ending = false, connection = null;

async function connect() {
	const [address] = await dns.resolve4(host);
	connection = await mysql.createConnection({ host: address, user: 'app', password: 'app',
		database: 'app' });
	connection.on('error', () => {});
}

process.stdin.on('end', () => { ending = true; }).resume();
tell(`ok 0 ${(await dns.resolve4(host))[0]}`);
for (let n = 1; !ending; n++) {
	try {
		if (!connection)
			await connect();
		await connection.query(`INSERT INTO journal (writer, n) VALUES (${number}, ${n})`);
		tell(`ok ${n}`);
	} catch (error) {
		tell(`error ${n} ${error.errno ?? '-'} ${error.code ?? error.constructor.name} ` +
			error.message.split('\n')[0]);
		connection?.destroy();
		connection = null;
	}
	await new Promise((resolve) => setTimeout(resolve, Number(pause)));
}
process.exit(0);
