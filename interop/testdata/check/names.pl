# The DNS that misconfigured servers ask: a few names of their own, and no others.
use strict;
use warnings;
use IO::Socket::INET;

my %address = map { $_ => 1 } qw(localhost example.net relay.example.net);
my $blocked = '1.0.0.127.bl.example.net';

my $s = IO::Socket::INET->new(LocalAddr => shift, LocalPort => 53, Proto => 'udp') or die "port 53: $!";
while (defined(my $from = $s->recv(my $query, 512))) {
	my ($id, $flags, $questions) = unpack 'n3', $query;
	my ($at, @labels) = (12);
	while (my $n = unpack 'C', substr $query, $at, 1) {
		push @labels, lc substr $query, $at + 1, $n;
		$at += 1 + $n;
	}
	my ($name, $type) = (join('.', @labels), unpack 'n', substr $query, $at + 1, 2);
	my ($code, $answers) = (3, ''); # no such name
	if ($name eq 'broken.example.org') {
		$code = 2; # the server has failed
	} elsif ($name eq $blocked) {
		$code = 0;
		$answers = answer(1, pack 'C4', 127, 0, 0, 2) if $type == 1;
		$answers = answer(16, pack 'C/a*', 'https://bl.example.net/query/127.0.0.1') if $type == 16;
	} elsif ($address{$name}) {
		$code = 0;
		$answers = answer(1, pack 'C4', 127, 0, 0, 1) if $type == 1;
	}
	my $question = substr $query, 12, $at + 5 - 12;
	$s->send(pack('n6', $id, 0x8580 | $code, 1, $answers eq '' ? 0 : 1, 0, 0) . $question . $answers, 0, $from);
}

sub answer {
	my ($type, $data) = @_;
	return pack 'n n n N n/a*', 0xc00c, $type, 1, 60, $data;
}
