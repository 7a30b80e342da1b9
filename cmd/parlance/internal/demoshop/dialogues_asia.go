package demoshop

import "parlance"

var taiwan = language{
	products: []string{"手沖咖啡壺", "純棉抱枕", "檜木筷組", "帆布托特包", "陶瓷馬克杯"},
	dialogues: []dialogue{
		{
			{by: customer, text: "你好,請問{p}還有現貨嗎?"},
			{by: bot, text: "感謝您的來訊!客服時間為 09:00–18:00。"},
			{by: agent, text: "{n}您好,{p}目前還有三組,今天下單明天出貨喔!", was: "{n}您好,{p}目前還有兩組,今天下單明天出貨喔!"},
			{by: customer, text: "太好了!可以超商取貨嗎?", react: "👍"},
			{by: agent, text: "可以的,7-11 和全家都可以。滿 599 元免運。"},
			{by: customer, text: "那我下單了,訂單編號 {o}"},
			{by: agent, text: "收到,謝謝您!出貨後會再通知您。"},
			{by: customer, text: "辛苦了~", react: "❤️"},
		},
		{
			{by: customer, text: "我收到的{p}顏色跟網站上不一樣"},
			{by: customer, text: "", kind: parlance.TypeImage, file: "顏色.jpg"},
			{by: agent, text: "不好意思,我們馬上確認一下!", reply: 1},
			{by: agent, text: "確認過了,是倉庫拿錯批號,真的非常抱歉 🙇"},
			{by: customer, text: "那可以換貨嗎?"},
			{by: agent, text: "當然可以,明天請宅配到府收件,運費由我們負擔。"},
			{by: customer, text: "電話 0900-000-000", taken: true},
			{by: agent, text: "電話不用傳在這裡喔,訂單 {o} 裡面已經有了。"},
			{by: customer, text: "好的,謝謝你的提醒!", react: "🙏"},
		},
		{
			{by: customer, text: "請問發票可以打統編嗎?"},
			{by: agent, text: "可以的,請提供統一編號和公司抬頭。"},
			{by: customer, text: "統編 00000000,抬頭「日日有限公司」"},
			{by: agent, text: "已經開立好了,電子發票會寄到您的信箱。", reply: 1},
			{by: customer, text: "另外想訂 30 個{p}當尾牙禮物,有優惠嗎?"},
			{by: agent, text: "30 個以上打 88 折,還可以免費雷射刻字。"},
			{by: customer, text: "太棒了,我跟主管確認一下再回覆你", react: "🎉"},
		},
	},
	orders: []dialogue{
		{
			{by: customer, text: "訂單 {o} 什麼時候會到?"},
			{by: agent, text: "物流說卡在轉運站,已催件,明天下午前回報。", kind: parlance.TypeNote},
			{by: agent, text: "您好,包裹明天會送達,造成不便很抱歉!"},
			{by: customer, text: "沒關係,謝謝你這麼快回覆"},
		},
		{
			{by: customer, text: "我想取消訂單 {o},可以嗎?"},
			{by: agent, text: "客人買錯款式,可全額退款。", kind: parlance.TypeNote},
			{by: agent, text: "可以的,{n}您好,款項會在 3–5 個工作天退回原信用卡。"},
			{by: customer, text: "好,那我改買{p}"},
			{by: agent, text: "沒問題,需要幫您保留一組嗎?", react: "👌"},
		},
	},
}

var china = language{
	products: []string{"蓝牙耳机", "保温杯", "机械键盘", "儿童绘本套装", "瑜伽垫"},
	dialogues: []dialogue{
		{
			{by: customer, text: "在吗?这款{p}今天能发货吗"},
			{by: agent, text: "亲,在的。下午四点前付款当天发,四点后第二天发。"},
			{by: customer, text: "已经付了,订单号 {o}"},
			{by: agent, text: "看到了,马上安排!", react: "👍"},
			{by: customer, text: "发什么快递?"},
			{by: agent, text: "默认中通,也可以改顺丰,补 8 元差价。", was: "默认圆通,也可以改顺丰,补 8 元差价。"},
			{by: customer, text: "那就中通吧,不急", reply: 1},
			{by: agent, text: "好的,祝您购物愉快~"},
		},
		{
			{by: customer, text: "{p}用了两天就坏了,怎么办"},
			{by: customer, text: "", kind: parlance.TypeVideo, file: "fault.mp4"},
			{by: agent, text: "非常抱歉!视频看到了,是质量问题,可以直接换新。"},
			{by: customer, text: "运费谁出?"},
			{by: agent, text: "我们出,您寄到付就行。", reply: 1},
			{by: customer, text: "行,地址发我一下"},
			{by: agent, text: "退货地址已经发到订单 {o} 的页面上了。"},
			{by: customer, text: "新的收到了,音质不错,好评!", react: "🎉"},
		},
		{
			{by: customer, text: "买三件有优惠吗"},
			{by: agent, text: "满三件九折,还送一个收纳袋。"},
			{by: customer, text: "{p}要两件黑色一件白色"},
			{by: agent, text: "黑色有货,白色要等到周五。要一起发还是分开发?"},
			{by: customer, text: "分开吧"},
			{by: agent, text: "好的,{n},已备注分两次发货。", react: "👌"},
			{by: customer, text: "谢谢老板"},
		},
	},
}

var japan = language{
	products: []string{"南部鉄器の急須", "今治タオル", "曲げわっぱ弁当箱", "藍染めのトートバッグ", "風鈴"},
	dialogues: []dialogue{
		{
			{by: customer, text: "はじめまして。{p}の在庫はありますか?"},
			{by: bot, text: "お問い合わせありがとうございます。担当者より順次ご返信いたします。"},
			{by: agent, text: "{n}様、お問い合わせありがとうございます。残り2点ございます。", was: "{n}様、お問い合わせありがとうございます。残り3点ございます。"},
			{by: customer, text: "プレゼント用に包装していただけますか?"},
			{by: agent, text: "はい、無料でお包みいたします。のしもお付けできます。", reply: 1},
			{by: customer, text: "では「御祝」でお願いします。", react: "😊"},
			{by: agent, text: "かしこまりました。ご注文番号は {o} です。"},
			{by: customer, text: "よろしくお願いします!"},
		},
		{
			{by: customer, text: "注文 {o} の{p}ですが、少し傷がありました。"},
			{by: customer, text: "", kind: parlance.TypeImage, file: "傷.jpg"},
			{by: agent, text: "ご不便をおかけし、誠に申し訳ございません。すぐに交換品をお送りします。"},
			{by: customer, text: "返品は必要ですか?"},
			{by: agent, text: "着払いの伝票を同封いたしますので、そちらでお願いいたします。", reply: 1},
			{by: customer, text: "わかりました。ありがとうございます。", react: "🙏"},
			{by: agent, text: "本日発送いたしました。明日の午前中に届く予定です。"},
			{by: customer, text: "無事に届きました。とてもきれいです✨", react: "❤️"},
		},
		{
			{by: customer, text: "海外発送はしていますか?台湾に送りたいです。"},
			{by: agent, text: "はい、台湾へは1,800円、4〜6日ほどで届きます。"},
			{by: customer, text: "ABC高雄123 宛でも大丈夫ですか?"},
			{by: agent, text: "大丈夫です。住所は英語か繁体字でご記入ください。"},
			{by: customer, text: "関税はかかりますか?", was: "かんぜいはかかりますか?"},
			{by: agent, text: "2,000台湾ドル以下ならかかりません。{p}でしたら問題ございません。"},
			{by: customer, text: "助かりました!", react: "👍"},
		},
	},
}

// backOffice is what the staff say among themselves.
var backOffice = []struct {
	by   int // of the staff
	text string
	line line
}{
	{0, "Morning! Who takes the Japanese inbox today?", line{}},
	{2, "私が見ます 🙋", line{reply: 1, react: "👍"}},
	{1, "我負責繁體中文和簡體中文的訊息。", line{react: "💪"}},
	{0, "Thanks both. New batch of teapots on Thursday, please don't promise Wednesday 🙈", line{was: "Thanks both. New batch of teapots on Wednesday"}},
	{1, "收到!我把昨天的回覆改掉了。", line{reply: 1}},
	{0, "Packing list for tonight", line{kind: parlance.TypeFile, file: "packing-list.xlsx"}},
	{2, "3番の棚、風鈴が足りません。", line{}},
	{0, "Ordered more, they come with the Thursday delivery.", line{reply: 1, react: "🙏"}},
	{1, "wrong window, sorry", line{taken: true}},
	{0, "Friday 17:00: stocktaking. Chat is closed from then on.", line{kind: parlance.TypeAnnouncement}},
	{2, "了解です。", line{react: "👌"}},
	{1, "OK 👌", line{}},
	{0, "The new shelf is up!", line{kind: parlance.TypeImage, file: "shelf.jpg", react: "😍"}},
	{2, "きれい!", line{reply: 1}},
	{1, "比我家還整齊 XD", line{react: "😂"}},
	{0, "See you all tomorrow.", line{react: "👋"}},
}
