// mochi-mqtt on 127.0.0.1: `mochi PORT WEBSOCKET_PORT TLS_PORT CERT KEY DENIED`. It stores nothing on disk.
package main

import (
	"crypto/tls"
	"log"
	"os"
	"os/signal"
	"syscall"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

func rules(denied string) *auth.Options {
	ledger := &auth.Ledger{Auth: auth.AuthRules{{Allow: true}}}
	if denied != "" {
		ledger.ACL = auth.ACLRules{{Filters: auth.Filters{auth.RString(denied + "/#"): auth.Deny}}}
	}
	return &auth.Options{Ledger: ledger}
}

func main() {
	server := mqtt.New(nil)
	if err := server.AddHook(new(auth.Hook), rules(os.Args[6])); err != nil {
		log.Fatal(err)
	}
	certificate, err := tls.LoadX509KeyPair(os.Args[4], os.Args[5])
	if err != nil {
		log.Fatal(err)
	}
	encrypted := &tls.Config{Certificates: []tls.Certificate{certificate}}
	tcp := listeners.NewTCP(listeners.Config{ID: "tcp", Address: "127.0.0.1:" + os.Args[1]})
	ws := listeners.NewWebsocket(listeners.Config{ID: "ws", Address: "127.0.0.1:" + os.Args[2]})
	tls := listeners.NewTCP(listeners.Config{ID: "tls", Address: "127.0.0.1:" + os.Args[3], TLSConfig: encrypted})
	for _, listener := range []listeners.Listener{tcp, ws, tls} {
		if err := server.AddListener(listener); err != nil {
			log.Fatal(err)
		}
	}
	if err := server.Serve(); err != nil {
		log.Fatal(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	server.Close()
}
