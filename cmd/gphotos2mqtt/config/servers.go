package config

import (
	"crypto/tls"
	"fmt"
	"regexp"
	"slices"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/cluster"
	"gphotos2mqtt/mqttapi/broker"
)

func (r *reader) checkBroker(c *Config) {
	r.want(clientID.MatchString(c.MQTTClientID), "MQTT_CLIENT_ID", "write 1 to 64 letters, digits, _ and -")
	r.want(c.MQTTPassword == "" || c.MQTTUser != "", "MQTT_USER",
		"write the user that "+Prefix+"MQTT_PASSWORD belongs to; MQTT has no password without a user")
	if c.MQTTURL == "" {
		host, _, ok := hostPort(c.MQTTListen)
		r.want(ok, "MQTT_LISTEN", listenAdvice(c.MQTTListen)+"127.0.0.1:1883")
		r.want(c.NATSURL == "", "MQTT_URL", "write the address of the broker that all processes share; with "+Prefix+"NATS_URL there is no built-in one")
		r.want(c.MQTTUser == "" || c.MQTTPassword != "", "MQTT_PASSWORD", "write the password that "+Prefix+
			"MQTT_USER shall have at the built-in broker")
		r.want(auth.IsLoopback(host) || c.MQTTUser != "", "MQTT_LISTEN", "set "+Prefix+"MQTT_USER and "+Prefix+
			"MQTT_PASSWORD too, because other machines can reach this address; or write 127.0.0.1:1883")
		c.MQTTTLS = r.readTLS("MQTT", false, "mqtts:// and wss://", broker.TLSFiles{CA: c.MQTTCA, Certificate: c.MQTTCert, Key: c.MQTTKey})
		return
	}
	var err error
	c.Broker, err = broker.ParseURL(c.MQTTURL)
	r.want(err == nil, "MQTT_URL", fmt.Sprint(err))
	r.want(c.Broker.User == "", "MQTT_URL",
		"write the user in "+Prefix+"MQTT_USER and the password in "+Prefix+"MQTT_PASSWORD, the address without them")
	secure := c.Broker.Network == "tls" || c.Broker.Network == "wss"
	c.MQTTTLS = r.readTLS("MQTT", secure, "mqtts:// and wss://", broker.TLSFiles{CA: c.MQTTCA, Certificate: c.MQTTCert, Key: c.MQTTKey})
}

// clusterName is what the names of streams may begin with. https://docs.nats.io/running-a-nats-service/nats_admin/jetstream_admin/naming
var clusterName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// checkCluster fills in Cluster.
func (r *reader) checkCluster(c *Config) {
	files := broker.TLSFiles{CA: c.NATSCA, Certificate: c.NATSCert, Key: c.NATSKey}
	if c.NATSURL == "" {
		_ = r.readTLS("NATS", false, "tls:// and wss://", files)
		return
	}
	servers, err := cluster.ParseServers(c.NATSURL)
	r.want(err == nil, "NATS_URL", fmt.Sprint(err))
	r.want(c.NATSPassword == "" || c.NATSUser != "", "NATS_USER", "write the user that "+Prefix+"NATS_PASSWORD belongs to")
	r.want(c.NATSUser == "" || c.NATSPassword != "", "NATS_PASSWORD", "write the password of "+Prefix+"NATS_USER")
	logins := []struct{ name, value string }{
		{"NATS_USER", c.NATSUser}, {"NATS_TOKEN", string(c.NATSToken)}, {"NATS_NKEY", c.NATSNKey}, {"NATS_CREDS", c.NATSCreds},
	}
	logins = slices.DeleteFunc(logins, func(l struct{ name, value string }) bool { return l.value == "" })
	for i, l := range logins {
		r.want(i == 0, l.name, "leave this out, because "+Prefix+logins[0].name+" is set too; a process logs in to the cluster in one way")
	}
	if c.NATSNKey != "" {
		err := cluster.CheckNKey(c.NATSNKey)
		r.want(err == nil, "NATS_NKEY", fmt.Sprint(err))
	}
	if c.NATSCreds != "" {
		err := cluster.CheckCreds(c.NATSCreds)
		r.want(err == nil, "NATS_CREDS", fmt.Sprint(err))
	}
	r.want(slices.Contains([]int{1, 3, 5}, c.NATSReplicas), "NATS_REPLICAS", "write 1, 3 or 5; an even number is away as soon as the next smaller one")
	r.want(clusterName.MatchString(c.NATSPrefix), "NATS_PREFIX", "write 1 to 32 letters, digits, _ and -")
	c.Cluster = cluster.Config{
		Servers: servers, User: c.NATSUser, Password: c.NATSPassword, Token: c.NATSToken, NKey: c.NATSNKey, Creds: c.NATSCreds,
		TLS: r.readTLS("NATS", cluster.IsSecure(servers), "tls:// and wss://", files), Prefix: c.NATSPrefix, Replicas: c.NATSReplicas,
	}
}

// readTLS reads certificates, so that a wrong file is known at the start and not at the first connection; nil without TLS.
func (r *reader) readTLS(of string, secure bool, schemes string, all broker.TLSFiles) (cfg *tls.Config) {
	ca, cert, key := of+"_CA", of+"_CERT", of+"_KEY"
	if !secure {
		plain := " is for " + schemes + " addresses; change " + Prefix + of + "_URL, or leave this out"
		r.want(all.CA == "", ca, "a certificate authority"+plain)
		r.want(all.Certificate == "", cert, "a client certificate"+plain)
		r.want(all.Key == "", key, "a client certificate's key"+plain)
		return nil
	}
	files := broker.TLSFiles{CA: all.CA}
	if _, err := files.Config(); err != nil {
		r.fail(ca, err.Error()+"; write the path of a PEM file with the authorities")
		files.CA = "" // the certificate is looked at all the same
	}
	files.Certificate, files.Key = all.Certificate, all.Key
	cfg, err := files.Config()
	if err != nil {
		name := cert
		if all.Key == "" {
			name = key
		}
		r.fail(name, err.Error()+"; write the paths of both PEM files in "+Prefix+cert+" and "+Prefix+key)
	}
	return cfg
}
