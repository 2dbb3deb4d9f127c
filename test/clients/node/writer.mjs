// SPDX-License-Identifier: Apache-2.0
// As test/clients/c/writer.c, by a mysql2 pool or by Amazon's own driver over mysql2:
//
//   writer.mjs HOST NUMBER [MILLISECONDS [mysql2|aws]]
import mysql from 'mysql2/promise';

const [host, number, pause = '5', kind = 'mysql2'] = process.argv.slice(2);
const account = { host, user: 'app', password: 'app', database: 'app' };

function pool() {
	const made = mysql.createPool({ ...account, connectionLimit: 4 });
	return { query: (sql) => made.query(sql), lost: async () => {} };
}

// One client, as its documents show; it is made anew when it says that its failover has failed.
async function aws() {
	const { AwsMySQLClient } = await import('aws-advanced-nodejs-wrapper/mysql');
	let client = null;
	const connect = async () => {
		client = new AwsMySQLClient({ ...account, port: 3306, connectTimeout: 5000,
			plugins: 'initialConnection,failover2,efm2' });
		client.on('error', () => {});
		await client.connect();
	};
	await connect();
	return { query: (sql) => client.query({ sql }), lost: async (error) => {
		if (error.constructor.name === 'FailoverSuccessError')
			return;
		client.end().catch(() => {});
		await connect().catch(() => {});
	} };
}

const tell = (text) => process.stdout.write(`${process.hrtime.bigint() + offset} ${text}\n`);
const driver = kind === 'aws' ? await aws() : pool();
// Node has the monotonic clock only; the boot clock is ahead of it by what the machine slept.
const offset = BigInt(process.env.BOOT_MINUS_MONOTONIC_NS ?? 0);
let ending = false;
process.stdin.on('end', () => { ending = true; }).resume();
tell('ok 0');
for (let n = 1; !ending; n++) {
	try {
		await driver.query(`INSERT INTO journal (writer, n) VALUES (${number}, ${n})`);
		tell(`ok ${n}`);
	} catch (error) {
		tell(`error ${n} ${error.errno ?? '-'} ${error.code ?? error.constructor.name} ` +
			error.message.split('\n')[0]);
		await driver.lost(error);
	}
	await new Promise((resolve) => setTimeout(resolve, Number(pause)));
}
process.exit(0);
