// SPDX-License-Identifier: Apache-2.0
import { Sequelize } from 'sequelize';
import { host, port, serve, SQL } from './loop.mjs';

const sequelize = new Sequelize('app', 'app', 'app', { host, port, dialect: 'mysql', logging: false,
	pool: { max: 4, min: 4, idle: 600000, evict: 600000 } });
await serve(() => sequelize.query(SQL, { replacements: ['sequelize'] }), 4);
