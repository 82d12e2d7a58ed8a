# The Perl server of the zoo, on Mojolicious: perl server.pl PORT
# Its pattern has no anchors.
use Mojolicious::Lite -signatures;

app->log->level('fatal');

under sub ($c) {
    my $origin = $c->req->headers->origin // '';
    return 1 if $origin =~ m{https://client\.com};
    $c->render(text => 'forbidden', status => 403);
    return undef;
};

websocket '/ws' => sub ($c) {
    $c->on(message => sub ($c, $message) { $c->send($message) });
};

app->start('daemon', '-l', "http://127.0.0.1:$ARGV[0]");
