# The Ruby server of the zoo, on faye-websocket and Thin: ruby server.rb PORT
# It asks whether the allowed origin contains the one that was sent.
require 'faye/websocket'
require 'thin'

Faye::WebSocket.load_adapter('thin')
Thin::Logging.silent = true

app = lambda do |env|
  return [400, {}, []] unless Faye::WebSocket.websocket?(env)
  origin = env['HTTP_ORIGIN'].to_s
  return [403, {}, ['forbidden']] if origin.empty? || !'https://client.com'.include?(origin)
  socket = Faye::WebSocket.new(env)
  socket.on(:message) { |event| socket.send(event.data) }
  socket.rack_response
end

Thin::Server.start('127.0.0.1', ARGV[0].to_i, app, signals: true)
