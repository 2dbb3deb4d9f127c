#!/usr/bin/ruby
# SPDX-License-Identifier: Apache-2.0
# One row of the client matrix, by mysql2; see test/clients/node/any.mjs: any.rb WRITER READER CA
require "json"
require "mysql2"
require "tempfile"

def open_client(host, verb, ca)
  file = nil
  if verb == "t" # what it says of the name's verification reaches libmariadb by a file alone
    file = Tempfile.new(["any", ".cnf"])
    file.write("[client]\nssl-ca=#{ca}\nssl-verify-server-cert=1\n")
    file.flush
  end
  tls = {"t" => {default_file: file&.path, default_group: "client"}, "e" => {sslca: ca}}.fetch(verb, {})
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
    open[key] ||= open_client(verb == "r" ? reader : writer, verb, ca)
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
