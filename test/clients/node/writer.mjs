// SPDX-License-Identifier: Apache-2.0
// As test/clients/c/writer.c, by a pool of four or by Amazon's own driver over mysql2:
//
//   writer.mjs HOST NUMBER [MILLISECONDS [mysql2|sequelize|typeorm|aws [WIDTH]]]
//
// WIDTH loops write side by side, by one pool; an error ends with the moment at which its statement
// was begun.
import mysql from 'mysql2/promise';

const [host, number, pause = '5', kind = 'mysql2', width = '1'] = process.argv.slice(2);
const account = { host, user: 'app', password: 'app', database: 'app' };

function pool() {
	const made = mysql.createPool({ ...account, connectionLimit: 4 });
	return { query: (sql) => made.query(sql), lost: async () => {} };
}

async function sequelize() {
	const { Sequelize } = await import('sequelize');
	const made = new Sequelize('app', 'app', 'app', { host, dialect: 'mysql', logging: false,
		pool: { max: 4 } });
	return { query: (sql) => made.query(sql), lost: async () => {} };
}

async function typeorm() {
	const { DataSource } = (await import('typeorm')).default;
	const made = await new DataSource({ type: 'mysql', connectorPackage: 'mysql2', host, username: 'app',
		password: 'app', database: 'app', extra: { connectionLimit: 4 } }).initialize();
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

const DRIVERS = { mysql2: pool, sequelize, typeorm, aws };
// Node has the monotonic clock only; the boot clock is ahead of it by what the machine slept.
const offset = BigInt(process.env.BOOT_MINUS_MONOTONIC_NS ?? 0);
const now = () => process.hrtime.bigint() + offset;
const tell = (text) => process.stdout.write(`${now()} ${text}\n`);
const shared = Number(width) > 1 && kind !== 'aws' ? await DRIVERS[kind]() : null;
let ending = false, last = 0;

async function write() {
	const driver = shared ?? await DRIVERS[kind]();
	tell('ok 0');
	while (!ending) {
		const n = ++last, begun = now();
		try {
			await driver.query(`INSERT INTO journal (writer, n) VALUES (${number}, ${n})`);
			tell(`ok ${n}`);
		} catch (error) {
			const cause = error.original ?? error.parent ?? error.driverError ?? error;
			tell(`error ${n} ${cause.errno ?? '-'} ${cause.code ?? cause.constructor.name} ` +
				`${cause.message.split('\n')[0]} @${begun}`);
			await driver.lost(error);
		}
		await new Promise((resolve) => setTimeout(resolve, Number(pause)));
	}
}

process.stdin.on('end', () => { ending = true; }).resume();
await Promise.all(Array.from({ length: Number(width) }, write));
process.exit(0);
