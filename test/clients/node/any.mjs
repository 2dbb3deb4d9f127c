// SPDX-License-Identifier: Apache-2.0
// One row of the client matrix, by a library for Node:
//
//   any.mjs KIND WRITER READER CA
//
// A line of input is a verb, a number and a statement; the answer is one line of JSON.  Verbs: w (by
// the writer's name), r (by the reader's), t (by the writer's, with TLS and its name verified), e (the
// same, encrypted but not verified), h (in the transaction that BEGIN begins), x (closes everything);
// of those with a resolver of their own also a (the address that it finds for the writer's name).
// The number is how many at once.
import cluster from 'node:cluster';
import dns from 'node:dns';
import fs from 'node:fs';
import net from 'node:net';
import readline from 'node:readline';
import { createRequire } from 'node:module';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const [kind, writer, reader, ca] = process.env.ANY_WORDS?.split(' ') ?? process.argv.slice(2);
const require = createRequire(import.meta.url);
const account = { user: 'app', password: 'app', database: 'app' };
const call = (object, verb, ...words) => new Promise((resolve, reject) =>
	object[verb](...words, (error, value) => error ? reject(error) : resolve(value)));

// Libraries with callbacks: a pool of four.
function callbackPool(module, host, tls) {
	const pool = module.createPool({ ...account, host, connectionLimit: 4, ...tls });
	const query = (on, sql) => call(on, 'query', sql);
	return { query: (sql) => query(pool, sql), take: async () => {
		const one = await call(pool, 'getConnection');
		return { query: (sql) => query(one, sql), release: () => one.release() };
	}, close: () => pool.end(() => {}) };
}

function promisePool(module, host, tls) {
	const pool = module.createPool({ ...account, host, connectionLimit: 4, ...tls });
	const rows = (answer) => Array.isArray(answer[0]) ? answer[0] : answer;
	return { query: async (sql) => rows(await pool.query(sql)), take: async () => {
		const one = await pool.getConnection();
		return { query: async (sql) => rows(await one.query(sql)), release: () => one.release() };
	}, close: () => pool.end().catch(() => {}) };
}

// One long connection, made anew by the application after an error.
function single(module, host, tls) {
	let one = null;
	const query = async (sql) => {
		try {
			if (!one) {
				one = await module.createConnection({ ...account, host, ...tls });
				one.on('error', () => {});
			}
			return (await one.query(sql))[0];
		} catch (error) {
			one?.destroy();
			one = null;
			throw error;
		}
	};
	return { query, take: async () => ({ query, release: () => {} }), close: () => one?.destroy() };
}

function sequelize(host, tls) {
	const { Sequelize } = require('sequelize');
	const made = new Sequelize('app', 'app', 'app', { host, dialect: 'mysql', logging: false,
		dialectOptions: tls, pool: { max: 4, min: 4, idle: 600000, evict: 600000 } });
	const run = async (sql, more) => (await made.query(sql, more))[0];
	return { query: run, take: async () => {
		const transaction = await made.transaction();
		return { query: async (sql) => sql === 'BEGIN' ? [] :
			sql === 'COMMIT' ? transaction.commit() : run(sql, { transaction }),
		release: () => { transaction.finished || transaction.rollback().catch(() => {}); } };
	}, close: () => made.close() };
}

async function typeorm(options) {
	const made = await new (require('typeorm').DataSource)({ type: 'mysql',
		connectorPackage: 'mysql2', ...options, extra: { connectionLimit: 4 } }).initialize();
	const on = (mode) => {
		const runner = made.createQueryRunner(mode);
		return { query: (sql) => runner.query(sql), release: () => runner.release() };
	};
	return { take: async () => on('master'), query: async (sql) => {
		const one = on(sql.startsWith('SELECT') ? 'slave' : 'master');
		return one.query(sql).finally(one.release);
	}, close: () => made.destroy() };
}

function knex(host, tls) {
	const made = require('knex')({ client: 'mysql2', connection: { ...account, host, ...tls },
		pool: { min: 0, max: 4 } });
	const rows = (answer) => answer[0];
	return { query: async (sql) => rows(await made.raw(sql)), take: async () => {
		const one = await made.transaction();
		return { query: async (sql) => sql === 'BEGIN' ? [] :
			sql === 'COMMIT' ? one.commit() : rows(await one.raw(sql)),
		release: () => { one.isCompleted() || one.rollback().catch(() => {}); } };
	}, close: () => made.destroy() };
}

// As net.connect() wants it, by c-ares: dns.lookup() would ask libc.
const lookup = (host, { all }, done) => dns.resolve4(host, (error, found) => error ? done(error) :
	all ? done(null, found.map((address) => ({ address, family: 4 }))) : done(null, found[0], 4));
const byCares = (host) => ({ stream: () => net.connect({ host, port: 3306, lookup }) });

const ssl = (verb, more) =>
	verb === 't' ? { ssl: { ca: fs.readFileSync(ca), rejectUnauthorized: true, ...more } } :
	verb === 'e' ? { ssl: { rejectUnauthorized: false } } : {};
const named = (host, verb) => ({ host, username: 'app', password: 'app', database: 'app',
	...verified(verb) });
const verified = (verb) => ssl(verb, { verifyIdentity: true });
// A name for each role, as TypeORM wants it; TLS by one name, as that is another matter.
const replicated = (host, verb, more) => typeorm('te'.includes(verb) ? named(host, verb) :
	{ replication: { master: named(writer), slaves: [named(reader)], ...more } });
const KINDS = {
	'mysql2-callback': (h, t) => callbackPool(require('mysql2'), h, verified(t)),
	'mysql2-promise': (h, t) => single(require('mysql2/promise'), h, verified(t)),
	'mysql2-pool': (h, t) => promisePool(require('mysql2/promise'), h, verified(t)),
	'mysql2-resolve': (h) => promisePool(require('mysql2/promise'), h, byCares(h)),
	mysql: (h, t) => callbackPool(require('mysql'), h, ssl(t)),
	mariadb: (h, t) => promisePool(require('mariadb'), h, ssl(t)),
	sequelize: (h, t) => sequelize(h, verified(t)),
	typeorm: (h, t) => typeorm(named(h, t)),
	'typeorm-replication': (h, t) => replicated(h, t),
	'typeorm-replication-kept': (h, t) => replicated(h, t, { removeNodeErrorCount: Infinity }),
	knex: (h, t) => knex(h, verified(t)),
	worker_threads: (h, t) => promisePool(require('mysql2/promise'), h, verified(t)),
	cluster: (h, t) => promisePool(require('mysql2/promise'), h, verified(t)),
};

let open = {}, held = null;

async function target(verb) {
	open[verb] ??= KINDS[kind](verb === 'r' ? reader : writer, verb);
	return open[verb];
}

async function inTransaction(sql) {
	try {
		held ??= await (await target('w')).take();
		const rows = await held.query(sql);
		if (sql === 'COMMIT') {
			held.release();
			held = null;
		}
		return rows;
	} catch (error) {
		held?.release();
		held = null;
		throw error;
	}
}

async function answer(line) {
	const [verb, n, ...words] = line.split(' '), sql = words.join(' ');
	const told = { ok: 0, errors: [], value: null };
	if (verb === 'a') {
		[told.value] = await dns.promises.resolve4(writer);
		return told;
	}
	if (verb === 'x') {
		for (const one of Object.values(open))
			(await one).close();
		open = {};
		return told;
	}
	await Promise.all(Array.from({ length: Number(n) }, async () => {
		try {
			const rows = verb === 'h' ? await inTransaction(sql) : await (await target(verb)).query(sql);
			told.value = rows?.[0]?.s ?? told.value;
			told.ok++;
		} catch (e) {
			const cause = e.original ?? e.parent ?? e.driverError ?? e;
			told.errors.push(`${cause.errno ?? ''} ${cause.code ?? ''} ${cause.message}`.trim());
		}
	}));
	return told;
}

const say = (x) => process.stdout.write(JSON.stringify(x) + '\n');

// Each worker does the same, but a transaction is the first one's alone.
async function relay(workers) {
	for await (const line of readline.createInterface({ input: process.stdin })) {
		const asked = line.startsWith('h') ? workers.slice(0, 1) : workers;
		const all = await Promise.all(asked.map((w) => w.ask(line)));
		say({ ok: all.reduce((sum, a) => sum + a.ok, 0), errors: all.flatMap((a) => a.errors),
			value: all[0].value });
	}
	process.exit(0);
}

function worker(one, send) {
	return { ask: (line) => new Promise((resolve) => {
		one.once('message', resolve);
		one[send](line);
	}) };
}

if (kind === 'worker_threads' && isMainThread) {
	const env = { ...process.env, ANY_WORDS: process.argv.slice(2).join(' ') };
	await relay([1, 2, 3].map(() => worker(new Worker(new URL(import.meta.url), { env }), 'postMessage')));
} else if (kind === 'worker_threads') {
	parentPort.on('message', async (line) => parentPort.postMessage(await answer(line)));
} else if (kind === 'cluster' && cluster.isPrimary) {
	// What is sent to a module before it listens is lost: each says when it does.
	const forked = [1, 2, 3].map(() => cluster.fork());
	await Promise.all(forked.map((one) => new Promise((resolve) => one.once('message', resolve))));
	await relay(forked.map((one) => worker(one, 'send')));
} else if (kind === 'cluster') {
	process.on('message', async (line) => process.send(await answer(line)));
	process.on('disconnect', () => process.exit(0));
	process.send('ready');
} else {
	for await (const line of readline.createInterface({ input: process.stdin }))
		say(await answer(line));
	process.exit(0);
}
