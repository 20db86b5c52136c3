#!/usr/bin/env php
<?php
// seen.php SOCKET CLIENT_ID: tells lastseen that a client was here, over a datagram socket.
function seen(string $path, string $client_id): void {
    $feed = @stream_socket_client("udg://$path", $errno, $error, 0.01);
    if ($feed === false) return;  // no agent there; an application goes on without it
    stream_set_blocking($feed, false);
    @fwrite($feed, json_encode(['client_id' => $client_id, 'ts' => microtime(true)]));
    fclose($feed);
}

seen($argv[1], $argv[2]);
