package cassandrastore

import (
	"context"
	"errors"
	"fmt"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"parlance"
)

// failure says what failed, and whether it may pass. After ctx has ended its error counts. Of
// what a server answers, most is a matter of time; the rest is a mistake of this program or
// of who set up the server. Anything else is the network's.
func failure(ctx context.Context, err error, what string) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%s: %w", what, ended)
	}
	var mistake gocql.MarshalError
	if errors.As(err, &mistake) || permanent(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return parlance.Wrap(parlance.Unavailable, err, "%s: the database doesn't answer", what)
}

// permanent reports whether a server has answered that it never will do this.
func permanent(err error) bool {
	var answer gocql.RequestError
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.Code() {
	case gocql.ErrCodeProtocol, gocql.ErrCodeCredentials, gocql.ErrCodeSyntax, gocql.ErrCodeUnauthorized,
		gocql.ErrCodeInvalid, gocql.ErrCodeConfig, gocql.ErrCodeAlreadyExists, gocql.ErrCodeFunctionFailure:
		return true
	}
	return false
}

// nextHost is how the driver repeats reads and plain writes, which may be done twice: once, on
// another host, if the first one is going away or doesn't answer at all. If it answers that the
// replicas don't, another host would say the same.
type nextHost struct{}

func (nextHost) Attempt(q gocql.RetryableQuery) bool { return q.Attempts() <= 1 }

func (nextHost) GetRetryType(err error) gocql.RetryType {
	var answer gocql.RequestError
	if errors.As(err, &answer) {
		switch answer.Code() {
		case gocql.ErrCodeServer, gocql.ErrCodeUnavailable, gocql.ErrCodeOverloaded, gocql.ErrCodeBootstrapping:
			return gocql.RetryNextHost
		}
		return gocql.Rethrow
	}
	return gocql.RetryNextHost
}
