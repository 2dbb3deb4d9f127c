// SPDX-License-Identifier: Apache-2.0
//! One row of the client matrix, by sqlx and the address that hickory finds; see
//! test/clients/node/any.mjs: any WRITER READER CA
use hickory_resolver::TokioResolver;
use sqlx::mysql::{MySql, MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::{AssertSqlSafe, Executor, Row, Transaction};
use std::collections::HashMap;
use std::error::Error;
use std::io::BufRead;

type Answer = Result<Option<String>, Box<dyn Error + Send + Sync>>;

#[derive(Default)]
struct Told {
	ok: usize,
	errors: Vec<String>,
	value: Option<String>,
}

impl Told {
	fn add(&mut self, answer: Answer) {
		match answer {
			Ok(value) => {
				self.ok += 1;
				self.value = value.or(self.value.take());
			}
			Err(error) => self.errors.push(error.to_string()),
		}
	}

	fn say(&self) {
		let errors: Vec<String> = self.errors.iter().map(|e| quote(e)).collect();
		let value = self.value.as_deref().map_or("null".into(), quote);
		println!("{{\"ok\": {}, \"errors\": [{}], \"value\": {value}}}", self.ok, errors.join(", "));
	}
}

fn quote(text: &str) -> String {
	let plain: String =
		text.chars().map(|c| if c == '"' || c == '\\' || c.is_control() { ' ' } else { c }).collect();
	format!("\"{plain}\"")
}

async fn address(host: &str) -> Result<String, Box<dyn Error + Send + Sync>> {
	let found = TokioResolver::builder_tokio()?.build().ipv4_lookup(host).await?;
	Ok(found.iter().next().ok_or("no address")?.to_string())
}

async fn connect(host: &str) -> Result<MySqlPool, Box<dyn Error + Send + Sync>> {
	let account = MySqlConnectOptions::new()
		.host(&address(host).await?)
		.username("app")
		.password("app")
		.database("app");
	Ok(MySqlPoolOptions::new().max_connections(4).connect_lazy_with(account))
}

/// The first value, if there is one.
async fn run<'c>(on: impl Executor<'c, Database = MySql>, sql: &str) -> Answer {
	let row = on.fetch_optional(AssertSqlSafe(sql.to_string())).await?;
	Ok(row.map(|r| r.try_get(0)).transpose()?)
}

#[derive(Default)]
struct Client {
	open: HashMap<String, MySqlPool>,
	held: Option<Transaction<'static, MySql>>,
}

impl Client {
	async fn pool(&mut self, verb: &str, host: &str) -> Result<MySqlPool, Box<dyn Error + Send + Sync>> {
		if !self.open.contains_key(verb) {
			self.open.insert(verb.into(), connect(host).await?);
		}
		Ok(self.open[verb].clone())
	}

	async fn hold(&mut self, host: &str, sql: &str) -> Answer {
		let mut held = match self.held.take() {
			Some(held) => held,
			None => self.pool("w", host).await?.begin().await?,
		};
		match sql {
			"BEGIN" => {}
			"COMMIT" => return Ok(held.commit().await.map(|_| None)?),
			_ => {
				run(&mut *held, sql).await?;
			}
		}
		self.held = Some(held);
		Ok(None)
	}

	async fn answer(&mut self, words: &[String], line: &str) -> Told {
		let mut told = Told::default();
		let mut parts = line.splitn(3, ' ');
		let (verb, n) = (parts.next().unwrap_or(""), parts.next().unwrap_or("0"));
		let (sql, host) = (parts.next().unwrap_or(""), &words[if verb == "r" { 2 } else { 1 }]);
		match verb {
			"a" => told.add(address(host).await.map(Some)),
			"h" => told.add(self.hold(host, sql).await),
			"x" => self.open.clear(),
			_ => match self.pool(verb, host).await {
				Err(error) => told.add(Err(error)),
				Ok(pool) => {
					let asked: Vec<_> = (0..n.parse().unwrap_or(0))
						.map(|_| {
							let (pool, sql) = (pool.clone(), sql.to_string());
							tokio::spawn(async move { run(&pool, &sql).await })
						})
						.collect();
					for one in asked {
						told.add(one.await.unwrap_or_else(|e| Err(e.into())));
					}
				}
			},
		}
		told
	}
}

#[tokio::main]
async fn main() {
	let words: Vec<String> = std::env::args().collect();
	let mut client = Client::default();
	for line in std::io::stdin().lock().lines() {
		client.answer(&words, &line.unwrap_or_default()).await.say();
	}
	std::process::exit(0);
}
