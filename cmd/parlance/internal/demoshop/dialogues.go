package demoshop

import "parlance"

// A speaker is who says a line.
type speaker uint8

const (
	customer speaker = iota
	agent
	bot
)

// A line is one message of a dialogue. In its text {p} is a product, {o} an order's number and
// {n} the customer's name.
type line struct {
	by   speaker
	text string

	kind  parlance.Type // empty: text
	file  string        // name of the picture or file that comes with it
	was   string        // what it said before it was edited
	taken bool          // recalled a little later
	reply int           // it answers the line so many lines before; 0 = none
	react string        // the other side's reaction
}

// A dialogue is what a customer and the shop say to one another.
type dialogue []line

// A language is what is said in one language.
type language struct {
	products []string
	dialogues,
	orders []dialogue // about an order; the staff's notes among them
}

var english = language{
	products: []string{"oak desk lamp", "linen apron, blue", "ceramic teapot 0.8 l", "merino scarf", "walnut cutting board"},
	dialogues: []dialogue{
		{
			{by: customer, text: "Hi! Is the {p} back in stock? The page says \"sold out\" since Monday."},
			{by: bot, text: "Thanks for writing to us! Our team answers between 9:00 and 18:00."},
			{by: agent, text: "Hello {n}, good news: a new batch arrives on Thursday.", was: "Hello {n}, good news: a new batch arrives on Wednesday."},
			{by: customer, text: "Great. Could you keep one for me?", react: "👍"},
			{by: agent, text: "Done. It's reserved under your name until Sunday evening."},
			{by: customer, text: "Perfect, thank you so much!", react: "❤️"},
			{by: agent, text: "You're welcome. I'll send you the link as soon as it's here."},
			{by: agent, text: "Here it is: https://shop.example/p/reserved — valid for 48 hours."},
			{by: customer, text: "Ordered. That was quick 🙂"},
		},
		{
			{by: customer, text: "My parcel came today and the {p} is broken :("},
			{by: customer, text: "", kind: parlance.TypeImage, file: "broken.jpg"},
			{by: agent, text: "Oh no, I'm sorry! Was the box damaged as well?", reply: 1},
			{by: customer, text: "Yes, one corner was crushed. Order {o}."},
			{by: customer, text: "my card number is 4000 0000", taken: true},
			{by: agent, text: "Please never send card numbers here. We don't need it: I'm sending a new one today, and you can keep the old one."},
			{by: customer, text: "Really? Wow, thanks. And sorry about that.", react: "🙏"},
			{by: agent, text: "Return label isn't needed either. The new parcel's number is GB482019377.", file: "delivery-note.pdf", kind: parlance.TypeFile},
			{by: customer, text: "Arrived in one piece this time. Five stars from me!", react: "🎉"},
		},
		{
			{by: customer, text: "Do you ship to Portugal, and what does it cost for the {p}?"},
			{by: agent, text: "We do. 9.90 € up to 2 kg, free from 80 €. Usually 4 to 6 working days."},
			{by: customer, text: "Any duties on top of that?"},
			{by: agent, text: "None inside the EU; the price on the page is what you pay.", reply: 1},
			{by: customer, text: "And could it be gift-wrapped?"},
			{by: agent, text: "Of course, choose \"gift\" at the checkout. You can add a card with up to 200 characters."},
			{by: customer, text: "Lovely. Then I'll take two."},
			{by: agent, text: "With two of them shipping is free 🎁", react: "😍"},
		},
		{
			{by: customer, text: "Can I change the address of order {o}? I moved last week."},
			{by: agent, text: "Sure, it hasn't left yet. Where should it go?"},
			{by: customer, text: "14 Mill Lane, Bath BA1 2AB", was: "41 Mill Lane, Bath BA1 2AB"},
			{by: agent, text: "Changed to 14 Mill Lane. It goes out with tonight's van."},
			{by: customer, text: "You're a star.", react: "⭐"},
			{by: customer, text: "One more thing: does the {p} come with a warranty?"},
			{by: agent, text: "Two years. Just keep the invoice, it's in your account."},
		},
	},
	orders: []dialogue{{
		{by: customer, text: "When will order {o} be sent?"},
		{by: agent, text: "Asked the warehouse: one {p} was missing, it comes in tomorrow.", kind: parlance.TypeNote},
		{by: agent, text: "It's packed tomorrow and should reach you on Friday."},
		{by: customer, text: "Friday is fine. Please leave it with the neighbour at no. 7."},
		{by: agent, text: "Will do, I've told the courier.", react: "👍"},
	}},
}

var spanish = language{
	products: []string{"manta de algodón", "cafetera italiana", "mochila verde", "vajilla de seis piezas", "lámpara de mesa"},
	dialogues: []dialogue{
		{
			{by: customer, text: "¡Hola! ¿Tienen la {p} en otro color?"},
			{by: bot, text: "¡Gracias por escribirnos! Le contestamos enseguida."},
			{by: agent, text: "Buenos días, {n}. Sí: gris, azul y mostaza."},
			{by: customer, text: "¿Me manda una foto de la mostaza?"},
			{by: agent, text: "", kind: parlance.TypeImage, file: "mostaza.jpg", reply: 1},
			{by: customer, text: "¡Qué bonita! ¿Cuánto tarda en llegar a Sevilla?", react: "😊"},
			{by: agent, text: "Entre 24 y 48 horas. Hoy sale si pide antes de las 14:00."},
			{by: customer, text: "Pedido hecho, número {o}. ¡Gracias!"},
		},
		{
			{by: customer, text: "Buenas tardes, quiero devolver un artículo del pedido {o}."},
			{by: agent, text: "Claro que sí. ¿Cuál es el motivo?"},
			{by: customer, text: "La {p} es más pequeña de lo que pensaba."},
			{by: agent, text: "Sin problema. Le envío la etiqueta; tiene 30 días.", was: "Sin problema. Le envío la etiqueta; tiene 14 días."},
			{by: agent, text: "Etiqueta de devolución", kind: parlance.TypeFile, file: "etiqueta-devolucion.pdf"},
			{by: customer, text: "Perfecto. ¿Y cuándo recibo el dinero?"},
			{by: agent, text: "Dos días después de que llegue al almacén, en la misma tarjeta.", reply: 1},
			{by: customer, text: "Muy amable, de verdad.", react: "🙏"},
		},
		{
			{by: customer, text: "¿Hacen factura a nombre de empresa?"},
			{by: agent, text: "Sí, envíenos el NIF y la razón social por aquí."},
			{by: customer, text: "Talleres Peña y Núñez S.L., B-00000000"},
			{by: agent, text: "Listo, {n}: la factura del pedido {o} ya está en su cuenta."},
			{by: customer, text: "La veo. ¿Pueden añadir \"{p}\" en el concepto?"},
			{by: agent, text: "Corregida. Descárguela otra vez, por favor."},
			{by: customer, text: "Ahora sí. ¡Hasta la próxima! 👋"},
		},
	},
	orders: []dialogue{{
		{by: customer, text: "El pedido {o} dice \"entregado\", pero no ha llegado nada."},
		{by: agent, text: "Abierta la reclamación con el transportista, ref. ES-7741.", kind: parlance.TypeNote},
		{by: agent, text: "Lo siento mucho. Ya estamos hablando con el transportista."},
		{by: customer, text: "Lo tenía el portero. ¡Perdón por las molestias!"},
		{by: agent, text: "¡Ninguna molestia! Que disfrute de su {p}.", react: "😄"},
	}},
}
