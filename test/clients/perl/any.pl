#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# One row of the client matrix, by DBD::MariaDB; see test/clients/node/any.mjs: any.pl WRITER READER CA
use strict;
use warnings;
use DBI;
use JSON::PP;

$| = 1;
my ($writer, $reader, $ca) = @ARGV;
my %open;

sub open_handle {
	my ($host, $verb) = @_;
	my %tls = (t => ";mariadb_ssl=1;mariadb_ssl_ca_file=$ca;mariadb_ssl_verify_server_cert=1",
		e => ";mariadb_ssl=1;mariadb_ssl_optional=1");
	my $more = $tls{$verb} // "";
	return DBI->connect("DBI:MariaDB:host=$host;database=app$more", "app", "app",
		{PrintError => 0, RaiseError => 1, AutoCommit => 1});
}

sub run {
	my ($dbh, $sql) = @_;
	return $dbh->do($sql) && undef unless $sql =~ /^SELECT/;
	return ($dbh->selectrow_array($sql))[0];
}

while (my $line = <STDIN>) {
	chomp $line;
	my ($verb, $n, $sql) = split / /, $line, 3;
	my %told = (ok => 0, errors => [], value => undef);
	%open = () if $verb eq "x";
	my $key = $verb eq "h" ? "w" : $verb;
	for (1 .. $n) {
		eval {
			$open{$key} ||= open_handle($verb eq "r" ? $reader : $writer, $verb);
			my $value = run($open{$key}, $sql);
			$told{value} = $value if defined $value;
			$told{ok}++;
			1;
		} or do {
			push @{$told{errors}}, ($DBI::err // "") . " " . ($DBI::state // "") . " $@";
			delete $open{$key} unless $open{$key} && $open{$key}->ping;
		};
	}
	print encode_json(\%told), "\n";
}
