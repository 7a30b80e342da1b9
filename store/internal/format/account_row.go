package format

import "parlance"

// EncodeAccount returns an account's row.
func EncodeAccount(a *parlance.Account) []byte {
	b := appendString(nil, 1, a.ID)
	b = appendString(b, 2, a.Name)
	b = appendString(b, 3, a.Avatar)
	b = appendString(b, 4, a.Description)
	b = appendBool(b, 5, a.Bot)
	b = AppendInt(b, 6, int64(a.Created))
	b = AppendInt(b, 7, int64(a.Updated))
	b = AppendInt(b, 8, int64(a.LastLogin))
	return appendNative(b, 9, &a.Native)
}

// DecodeAccount reads an account's row.
func DecodeAccount(b []byte) (a parlance.Account, err error) {
	err = EachField(b, func(f Field) (err error) {
		switch f.Number {
		case 1:
			a.ID = parlance.AccountID(f.Bytes)
		case 2:
			a.Name = f.String()
		case 3:
			a.Avatar = f.String()
		case 4:
			a.Description = f.String()
		case 5:
			a.Bot = f.Bool()
		case 6:
			a.Created = f.Time()
		case 7:
			a.Updated = f.Time()
		case 8:
			a.LastLogin = f.Time()
		case 9:
			a.Native, err = decodeNative(f.Bytes)
		}
		return err
	})
	return a, err
}
