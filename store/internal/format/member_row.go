package format

import "parlance"

// EncodeMember returns a member's row.
func EncodeMember(m *parlance.Member) []byte {
	b := appendString(nil, 1, m.Account)
	b = appendString(b, 2, m.Name)
	b = appendString(b, 3, m.Role)
	b = AppendInt(b, 4, int64(m.Joined))
	if m.LastRead != (parlance.Position{}) {
		b = AppendInt(b, 5, int64(m.LastRead.Time))
		b = appendString(b, 6, m.LastRead.ID)
	}
	return b
}

// DecodeMember reads a member's row.
func DecodeMember(b []byte) (m parlance.Member, err error) {
	err = EachField(b, func(f Field) error {
		switch f.Number {
		case 1:
			m.Account = parlance.AccountID(f.Bytes)
		case 2:
			m.Name = f.String()
		case 3:
			m.Role = parlance.Role(f.Bytes)
		case 4:
			m.Joined = f.Time()
		case 5:
			m.LastRead.Time = f.Time()
		case 6:
			m.LastRead.ID = parlance.MessageID(f.Bytes)
		}
		return nil
	})
	return m, err
}
