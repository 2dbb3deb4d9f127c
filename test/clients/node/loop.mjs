// SPDX-License-Identifier: Apache-2.0
// The common part of the clients for Node: one line on stdin is one command, one line of JSON its
// answer.  "write N" runs N inserts at once and tells how they went; "busy" writes until "rest".
import readline from 'node:readline';

export const host = process.argv[2];
export const port = Number(process.argv[3] ?? 3306);
export const SQL = 'INSERT INTO writes (client, server) VALUES (?, @@hostname)';

const now = () => Number(process.hrtime.bigint()) / 1e6;

async function write(insert, n) {
	const answer = { ok: 0, errors: [], ms: 0 };
	const begin = now();
	await Promise.all(Array.from({ length: n }, async () => {
		try {
			await insert();
			answer.ok++;
		} catch (e) {
			const cause = e.original ?? e.parent ?? e.driverError ?? e;
			answer.errors.push(`${cause.errno ?? ''} ${cause.code ?? ''} ${cause.message}`);
		}
	}));
	answer.ms = now() - begin;
	return answer;
}

// One insert after the other, every `pause` ms, until told to rest.
async function busy(insert, state, pause) {
	const answer = { ok: 0, errors: [], longest_ms: 0 };
	let last = now();
	while (!state.rest) {
		const one = await write(insert, 1);
		answer.ok += one.ok;
		answer.errors.push(...one.errors);
		if (one.ok) {
			answer.longest_ms = Math.max(answer.longest_ms, now() - last);
			last = now();
		}
		await new Promise((next) => setTimeout(next, pause));
	}
	return answer;
}

export async function serve(insert, connections) {
	const say = (x) => process.stdout.write(JSON.stringify(x) + '\n');
	const state = {};
	say(await write(insert, connections));
	for await (const line of readline.createInterface({ input: process.stdin })) {
		const [verb, n] = line.split(' ');
		if (verb === 'busy') {
			state.rest = false;
			state.work = busy(insert, state, Number(n));
		} else if (verb === 'rest') {
			state.rest = true;
			say(await state.work);
		} else {
			say(await write(insert, Number(n)));
		}
	}
	process.exit(0);
}
