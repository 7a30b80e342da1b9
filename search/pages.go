package search

import (
	"sync"

	"github.com/klauspost/compress/zstd"

	"parlance"
	"parlance/search/internal/block"
)

// Pages are compressed here rather than by the engine: each engine compresses in its own way, most of them worse.

// maxPage is how long a page may be once it is read; those that are written are a fraction of that.
const maxPage = 8 << 20

// packer and unpacker are used by many at once.
var (
	packer = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(2), zstd.WithZeroFrames(true))
		if err != nil {
			panic(err) // the options are wrong
		}
		return e
	})
	unpacker = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxPage), zstd.WithDecoderConcurrency(0))
		if err != nil {
			panic(err) // the options are wrong
		}
		return d
	})
)

// pack returns a page as it is stored: a frame of zstd with its checksum.
func pack(page []byte) []byte { return packer().EncodeAll(page, nil) }

// unpack reads what pack made.
func unpack(stored []byte) ([]byte, error) {
	page, err := unpacker().DecodeAll(stored, nil)
	if err != nil {
		return nil, parlance.Wrap(parlance.Corrupt, block.ErrDamaged, "it can't be unpacked: %v", err)
	}
	return page, nil
}
