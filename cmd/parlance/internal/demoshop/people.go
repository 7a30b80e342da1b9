package demoshop

import "parlance"

// A person is somebody who writes in the demo.
type person struct {
	id   parlance.AccountID
	name string
}

// The staff. The first one is the writer of IMKit's example, and works here now.
var staff = []person{
	{"sss", "Elsa"},
	{"mei-ling", "陳美玲"},
	{"kenji", "佐藤健司"},
}

var shopBot = person{"shop-bot", "Shop bot"}

// Users are the accounts that log in to the demo with IMKit tokens, the one who sees most first.
func Users() []parlance.AccountID {
	ids := make([]parlance.AccountID, len(staff))
	for i, p := range staff {
		ids[i] = p.id
	}
	return ids
}

// A clientele is the customers who speak one language and came by one platform.
type clientele struct {
	language *language
	platform parlance.Dialect
	people   []person
}

var clienteles = []clientele{
	{&taiwan, parlance.Shopline, []person{
		{"6365a1f0c1a0b20013c40a01", "林怡君"},
		{"6365a1f0c1a0b20013c40a02", "張家豪"},
		{"6365a1f0c1a0b20013c40a03", "黃雅婷"},
		{"6365a1f0c1a0b20013c40a04", "吳志明"},
		{"6365a1f0c1a0b20013c40a05", "蔡佩珊"},
	}},
	{&english, parlance.Shopline, []person{
		{"6365a1f0c1a0b20013c40b01", "Oliver Smith"},
		{"6365a1f0c1a0b20013c40b02", "Grace O'Neill"},
	}},
	{&english, parlance.IMetaStore, []person{
		{"1907369850568257601", "Emma Johnson"},
		{"1907369850568257602", "Noah Williams"},
		{"1907369850568257603", "Ava Brown"},
	}},
	{&spanish, parlance.Shopline, []person{
		{"6365a1f0c1a0b20013c40c01", "Lucía Fernández"},
		{"6365a1f0c1a0b20013c40c02", "Mateo García Núñez"},
		{"6365a1f0c1a0b20013c40c03", "Sofía Peña"},
		{"6365a1f0c1a0b20013c40c04", "Hugo Martín"},
	}},
	{&china, parlance.IMetaStore, []person{
		{"1907369850568257701", "王芳"},
		{"1907369850568257702", "李强"},
		{"1907369850568257703", "刘洋"},
		{"1907369850568257704", "赵敏"},
		{"1907369850568257705", "孙丽"},
	}},
	{&japan, parlance.IMKit, []person{
		{"haruto", "田中陽翔"},
		{"yui", "山本結衣"},
		{"sota", "中村颯太"},
		{"aoi", "小林葵"},
		{"hina", "𠮷田陽菜"}, // a name beyond the basic plane
	}},
}
