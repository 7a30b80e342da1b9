// Package format knows what stands in a row: keys, and the bytes of messages, log entries, heads, ranges of timelines, conversations,
// members and accounts. It hides how each is written; docs/storage.md describes it for readers without the code.
//
// It calls no engine. Whatever it reads was written by it or is refused with [ErrRecord]: damaged bytes never make a value that is
// only nearly right. Decoded values keep the bytes that they were read from, which must not change any more.
package format
