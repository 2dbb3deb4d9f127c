// SPDX-License-Identifier: Apache-2.0
// A pool that cannot write, and beside it lookups of an unrelated name each 50 ms: their times.
import dns from 'node:dns';
import mysql from 'mysql2/promise';

const [host, port, other, seconds] = process.argv.slice(2);
const pool = mysql.createPool({ host, port: Number(port), user: 'app', password: 'app',
	connectionLimit: 10, connectTimeout: 1000 });
const WARM = 10; // the first lookups are those of a process that is still starting
const times = [];
let over = false;

async function demand() {
	while (!over) {
		await pool.query('SELECT 1').catch(() => {});
		await new Promise((next) => setTimeout(next, 20));
	}
}

for (let i = 0; i < 10; i++)
	demand();
const timer = setInterval(async () => {
	const begin = process.hrtime.bigint();
	await dns.promises.lookup(other);
	times.push(Number(process.hrtime.bigint() - begin) / 1e6);
}, 50);
setTimeout(() => {
	over = true;
	clearInterval(timer);
	console.log(JSON.stringify(times.slice(WARM)));
	process.exit(0);
}, Number(seconds) * 1000);
