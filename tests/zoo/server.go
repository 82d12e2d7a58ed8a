// The Go servers of the zoo, on gorilla/websocket: server KIND PORT
package main

import (
	"net/http"
	"os"
	"strings"

	"github.com/gorilla/websocket"
)

func main() {
	upgrader := websocket.Upgrader{}
	switch os.Args[1] {
	case "gorilla-default":
	case "gorilla-any":
		upgrader.CheckOrigin = func(r *http.Request) bool { return true }
	case "gorilla-suffix":
		upgrader.CheckOrigin = func(r *http.Request) bool {
			return strings.HasSuffix(r.Header.Get("Origin"), "client.com")
		}
	}
	http.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		connection, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer connection.Close()
		for {
			kind, message, err := connection.ReadMessage()
			if err != nil {
				return
			}
			connection.WriteMessage(kind, message)
		}
	})
	http.ListenAndServe("127.0.0.1:"+os.Args[2], nil)
}
