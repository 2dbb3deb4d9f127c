#!/usr/bin/ruby
# SPDX-License-Identifier: Apache-2.0
# One row of the client matrix, by mysql2; see test/clients/node/any.mjs: any.rb WRITER READER CA
require "json"
require "mysql2"

def open_client(host, ca)
  tls = ca ? {sslca: ca, ssl_mode: :verify_identity} : {}
  Mysql2::Client.new(host: host, username: "app", password: "app", database: "app", **tls)
end

writer, reader, ca = ARGV
open = {}
while (line = $stdin.gets)
  verb, n, sql = line.chomp.split(" ", 3)
  told = {ok: 0, errors: [], value: nil}
  open.each_value(&:close) && open.clear if verb == "x"
  key = verb == "h" ? "w" : verb
  n.to_i.times do
    open[key] ||= open_client(verb == "r" ? reader : writer, verb == "t" ? ca : nil)
    rows = open[key].query(sql)
    told[:value] = rows.first.values.first if rows && rows.count > 0
    told[:ok] += 1
  rescue Mysql2::Error => e
    told[:errors] << "#{e.errno} #{e.sql_state} #{e.message}"
    # mysql2 gives its connection up when it cannot send; Active Record asks likewise.
    open.delete(key) unless open[key]&.ping
  end
  puts told.to_json
  $stdout.flush
end
