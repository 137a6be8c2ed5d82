package main

import "gphotos2mqtt/mqttapi"

// checkTLS reads the certificates into MQTTTLS, so that a wrong file is known at
// the start and not at the first connection. The network is one of mqttapi.Broker.
func (r *reader) checkTLS(c *Config, network string) {
	if network != "tls" && network != "wss" {
		const plain = " is for mqtts:// and wss:// addresses; change " + prefix + "MQTT_URL, or leave this out"
		r.want(c.MQTTCA == "", "MQTT_CA", "a certificate authority"+plain)
		r.want(c.MQTTCert == "", "MQTT_CERT", "a client certificate"+plain)
		r.want(c.MQTTKey == "", "MQTT_KEY", "a client certificate's key"+plain)
		return
	}
	files := mqttapi.TLSFiles{CA: c.MQTTCA}
	if _, err := files.Config(); err != nil {
		r.fail(prefix+"MQTT_CA", err.Error()+"; write the path of a PEM file with the authorities")
		files.CA = "" // the certificate is looked at all the same
	}
	files.Certificate, files.Key = c.MQTTCert, c.MQTTKey
	var err error
	if c.MQTTTLS, err = files.Config(); err != nil {
		name := "MQTT_CERT"
		if c.MQTTKey == "" {
			name = "MQTT_KEY"
		}
		r.fail(prefix+name, err.Error()+"; write the paths of both PEM files in "+prefix+"MQTT_CERT and "+prefix+"MQTT_KEY")
	}
}
