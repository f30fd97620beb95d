package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
)

func printTrades(w io.Writer, trades []roles.TradeView) error {
	t := newTable(w, "trade", "asset", "side", "ordered", "orders", "custodian", "status", "settles on")
	for i := range trades {
		d := &trades[i]
		t.row(d.Trade, d.Asset, d.Side, d.Ordered, d.Orders, d.Custodian, d.Status, d.SettlesOn)
	}
	return t.flush()
}

// onTerminal says whether progress can be shown: it goes to standard error, so that output stays clean.
func onTerminal(cmd *cobra.Command) bool {
	file, ok := cmd.ErrOrStderr().(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// spinEvery is how often a spinner turns.
const spinEvery = 100 * time.Millisecond

// spin shows that something goes on, until the returned function is called.
func spin(cmd *cobra.Command, what string) func() {
	if !onTerminal(cmd) {
		return func() {}
	}
	bar := progressbar.NewOptions64(-1, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(cmd.ErrOrStderr()), progressbar.OptionClearOnFinish())
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				_ = bar.Finish()
				return
			case <-time.After(spinEvery):
				_ = bar.Add(1)
			}
		}
	}()
	return func() { close(stop); <-stopped }
}

// progress shows how much of a known whole is done; where there is no terminal it shows nothing.
func progress(cmd *cobra.Command, what string) (show func(done, total int64), finish func()) {
	if !onTerminal(cmd) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions64(1, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(cmd.ErrOrStderr()), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(spinEvery))
	return func(done, total int64) {
		bar.ChangeMax64(total)
		_ = bar.Set64(done)
	}, func() { _ = bar.Finish() }
}
