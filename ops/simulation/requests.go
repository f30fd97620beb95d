package simulation

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/ops/faults"
)

// request is a kind of request that plans strike.
type request struct {
	key kmsg.Key
	// max is up to which request of its kind one is struck: how often they come in a run decides. Wrong answers count the topics, partitions and
	// groups that a request names.
	max int
	// errs are the errors that it may be answered with.
	errs []*kerr.Error
}

// briefly is what happens to requests whose senders have the usual patience: to wait for an answer that never comes would take them too long.
func briefly() []faults.Action { return []faults.Action{faults.Refused, faults.Lost, faults.Late} }

// instanceRequests are what an instance of the engine sends. Those that move money come more than once, to be struck more often.
func instanceRequests() []request {
	return []request{
		{key: kmsg.EndTxn, max: 60},
		{key: kmsg.EndTxn, max: 60},
		{key: kmsg.EndTxn, max: 15},
		{key: kmsg.Produce, max: 100},
		{key: kmsg.Produce, max: 100},
		{key: kmsg.InitProducerID, max: 9},
		{key: kmsg.InitProducerID, max: 9},
		{key: kmsg.Fetch, max: 100},
		{key: kmsg.Metadata, max: 20},
		{key: kmsg.JoinGroup, max: 7},
		{key: kmsg.SyncGroup, max: 7},
		{key: kmsg.Heartbeat, max: 20},
		{key: kmsg.FindCoordinator, max: 12},
		{key: kmsg.ListOffsets, max: 10},
		{key: kmsg.OffsetCommit, max: 6},
		{key: kmsg.OffsetFetch, max: 6},
		{key: kmsg.ApiVersions, max: 20},
		{key: kmsg.DescribeConfigs, max: 2},
		{key: kmsg.LeaveGroup, max: 3},
	}
}

// sinkRequests are what a sink sends.
func sinkRequests() []request {
	return []request{
		{key: kmsg.Fetch, max: 20},
		{key: kmsg.Metadata, max: 12},
		{key: kmsg.ListOffsets, max: 6},
		{key: kmsg.JoinGroup, max: 4},
		{key: kmsg.SyncGroup, max: 4},
		{key: kmsg.Heartbeat, max: 8},
		{key: kmsg.FindCoordinator, max: 3},
		{key: kmsg.OffsetFetch, max: 3},
		{key: kmsg.OffsetCommit, max: 6},
		{key: kmsg.ApiVersions, max: 6},
		{key: kmsg.LeaveGroup, max: 2},
	}
}

// senderRequests are what the systems outside send.
func senderRequests() []request {
	return []request{{key: kmsg.Produce, max: 12}, {key: kmsg.InitProducerID, max: 2}, {key: kmsg.Metadata, max: 4}, {key: kmsg.ApiVersions, max: 3}}
}

// answers are the errors of requests that move money, and of those that tell a member that it is none.
func answers() []request {
	return []request{
		{kmsg.EndTxn, 60, []*kerr.Error{
			kerr.UnknownServerError, kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable,
			kerr.ConcurrentTransactions, kerr.NotCoordinator, kerr.InvalidTxnState, kerr.TransactionAbortable,
		}},
		{kmsg.InitProducerID, 9, []*kerr.Error{
			kerr.CoordinatorLoadInProgress, kerr.ConcurrentTransactions, kerr.NotCoordinator, kerr.UnknownServerError, kerr.ProducerFenced, kerr.InvalidProducerEpoch,
		}},
		{kmsg.Produce, 100, []*kerr.Error{
			kerr.InvalidProducerEpoch, kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut,
			kerr.UnknownServerError, kerr.OutOfOrderSequenceNumber, kerr.TransactionAbortable,
		}},
		{kmsg.Fetch, 100, []*kerr.Error{kerr.NotLeaderForPartition, kerr.UnknownServerError}},
		{kmsg.Heartbeat, 20, []*kerr.Error{kerr.RebalanceInProgress, kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.NotCoordinator}},
		{kmsg.OffsetCommit, 6, []*kerr.Error{kerr.RebalanceInProgress, kerr.IllegalGeneration}},
	}
}

// moreAnswers are the errors of the other requests. Those of ApiVersions and DescribeConfigs are not among them: an instance that cannot ask how the
// topics are made does not begin, and whoever runs it starts it again.
func moreAnswers() []request {
	return []request{
		{kmsg.Metadata, 200, []*kerr.Error{kerr.LeaderNotAvailable, kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition}},
		{kmsg.FindCoordinator, 12, []*kerr.Error{kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress}},
		{kmsg.JoinGroup, 7, []*kerr.Error{kerr.CoordinatorLoadInProgress, kerr.NotCoordinator, kerr.UnknownMemberID, kerr.RebalanceInProgress}},
		{kmsg.SyncGroup, 7, []*kerr.Error{kerr.RebalanceInProgress, kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.NotCoordinator}},
		{kmsg.LeaveGroup, 3, []*kerr.Error{kerr.UnknownMemberID, kerr.NotCoordinator}},
		{kmsg.ListOffsets, 20, []*kerr.Error{kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.OffsetNotAvailable}},
		{kmsg.OffsetFetch, 6, []*kerr.Error{kerr.CoordinatorLoadInProgress, kerr.NotCoordinator}},
		{kmsg.OffsetCommit, 6, []*kerr.Error{kerr.UnknownMemberID, kerr.NotCoordinator, kerr.RequestTimedOut}},
		{kmsg.InitProducerID, 9, []*kerr.Error{kerr.CoordinatorNotAvailable}},
		{kmsg.Produce, 100, []*kerr.Error{kerr.ProducerFenced}},
	}
}
