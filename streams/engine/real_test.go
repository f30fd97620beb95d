package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/penstock-ledger/penstock/ops/realkafka"
)

// TestMain runs the suite against one real Apache Kafka where PENSTOCK_REAL asks for it and PENSTOCK_KAFKA_ADDR names none yet.
func TestMain(m *testing.M) {
	wanted := os.Getenv("PENSTOCK_REAL")
	if wanted == "" || wanted == "0" || realBroker() != "" {
		os.Exit(m.Run())
	}
	os.Exit(runOnRealKafka(m, wanted == "must"))
}

func runOnRealKafka(m *testing.M, must bool) int {
	ctx, cancel := context.WithTimeout(context.Background(), realkafka.StartMax)
	defer cancel()
	broker, err := realkafka.Start(ctx, realkafka.Options{})
	if errors.Is(err, realkafka.ErrUnavailable) && !must {
		fmt.Println("the suite runs on the in-process broker alone:", err)
		return m.Run()
	}
	if err != nil {
		fmt.Println("starting a real Kafka:", err)
		return 1
	}
	defer func() {
		if err := broker.Stop(); err != nil {
			fmt.Println("stopping the real Kafka:", err)
		}
	}()
	if err := os.Setenv("PENSTOCK_KAFKA_ADDR", broker.Addr()); err != nil {
		fmt.Println("naming the broker:", err)
		return 1
	}
	return m.Run()
}
