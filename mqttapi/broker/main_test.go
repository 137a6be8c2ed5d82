package broker

import (
	"testing"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"go.uber.org/goleak"
)

// pahoLogs is what paho says in all tests of the package.
var pahoLogs *logtest.Hook

func TestMain(m *testing.M) {
	logger, logs := logtest.NewNullLogger()
	logger.SetLevel(logrus.DebugLevel)
	pahoLogs = logs
	LogPaho(logrus.NewEntry(logger)) // before there is a client, as in main
	goleak.VerifyTestMain(m)
}
