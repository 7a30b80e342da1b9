package format

import (
	"parlance"
	"parlance/store/driver"
)

// BlockRecords holds the records of a workspace's search index.
func BlockRecords(ws parlance.WorkspaceID) driver.Partition { return Claimed("S", string(ws)) }

// BlockPartPages is how many pages of a section of a block one partition holds.
const BlockPartPages = 256

// BlockPage returns where a page of a block stands. Ids are of one length.
func BlockPage(ws parlance.WorkspaceID, id string, section byte, number int) (driver.Partition, []byte) {
	part := string(Number4(uint32(number / BlockPartPages)))
	return Derived("s", string(ws), id+string(section)+part), Number4(uint32(number))
}
