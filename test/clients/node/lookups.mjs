// SPDX-License-Identifier: Apache-2.0
// A pool that cannot write, and beside it so many lookups of an unrelated name, one each 50 ms:
// their times.
import dns from 'node:dns';
import mysql from 'mysql2/promise';

const [host, port, other, count] = process.argv.slice(2);
const pool = mysql.createPool({ host, port: Number(port), user: 'app', password: 'app',
	connectionLimit: 10, connectTimeout: 1000 });
const WARM = 10; // the first lookups are those of a process that is still starting
const times = [];

async function demand() {
	for (;;) {
		await pool.query('SELECT 1').catch(() => {});
		await new Promise((next) => setTimeout(next, 20));
	}
}

for (let i = 0; i < 10; i++)
	demand();
setInterval(async () => {
	const begin = process.hrtime.bigint();
	await dns.promises.lookup(other);
	times.push(Number(process.hrtime.bigint() - begin) / 1e6);
	if (times.length < WARM + Number(count))
		return;
	console.log(JSON.stringify(times.slice(WARM)));
	process.exit(0);
}, 50);
