// Spanish: the connection check.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Check>} */
export default {
  'check.title': 'Comprobación de la conexión',
  'check.lead':
    'Esta página prueba lo que necesita una reunión. Si algo está bloqueado, dice qué es y quién puede ' +
    'arreglarlo.',
  'check.scope':
    'No necesita iniciar sesión ni tener una reunión. El audio y el vídeo pueden tomar hasta cuatro caminos. ' +
    'Basta con uno que funcione.',
  'check.run': 'Iniciar la comprobación',
  'check.running': 'Comprobando…',
  'check.again': 'Comprobar de nuevo',
  'check.browser': 'Navegador',
  'check.browser.ok': 'Este navegador es compatible con todo lo que necesita una reunión.',
  'check.browser.bad': 'Este navegador no es compatible con {what}. Use un navegador actual, mediante https.',
  'check.server': 'Servidor',
  'check.server.ok': 'El servidor responde en {ms} ms.',
  'check.server.bad': 'El servidor no responde. Puede que su red o el servidor no funcione.',
  'check.socket': 'WebSocket',
  'check.socket.ok': 'El canal de señalización funciona.',
  'check.socket.bad':
    'Un proxy, un cortafuegos o un antivirus bloquea los WebSockets, así que no puede unirse. Consulte al ' +
    'administrador de su red.',
  'check.udp': 'Audio y vídeo por UDP',
  'check.udp.ok': 'El mejor camino. La ida y vuelta tarda {ms} ms.',
  'check.udp.bad':
    'Un cortafuegos entre usted y el servidor bloquea UDP. Las reuniones necesitan entonces uno de los caminos ' +
    'siguientes.',
  'check.udp.none': 'Este servidor no lo ofrece.',
  'check.tcp': 'Por TCP (ICE-TCP)',
  'check.tcp.ok': 'Se usa cuando UDP está bloqueado. La ida y vuelta tarda {ms} ms.',
  'check.tcp.bad': 'Un cortafuegos o un proxy no deja pasar conexiones TCP directas.',
  'check.tcp.none': 'Este servidor no lo ofrece.',
  'check.turn': 'Mediante el relé por TCP (TURN)',
  'check.turn.ok': 'Se usa cuando las conexiones directas están bloqueadas. La ida y vuelta tarda {ms} ms.',
  'check.turn.bad': 'Un cortafuegos o un proxy no deja pasar conexiones al relé.',
  'check.turn.none': 'Este servidor no lo ofrece.',
  'check.turns': 'Mediante el relé por TLS (TURN)',
  'check.turns.ok': 'Se usa donde solo se permite tráfico web: parece HTTPS. La ida y vuelta tarda {ms} ms.',
  'check.turns.bad': 'Un proxy o un antivirus inspecciona las conexiones cifradas o solo permite HTTPS.',
  'check.turns.none': 'Este servidor no lo ofrece. Necesita un certificado propio y un nombre de host.',
  'check.after.server': 'Sin probar: el servidor no ha respondido.',
  'check.busy': 'Sin probar: el servidor está ocupado. Inténtelo de nuevo en un minuto.',
  'check.best': 'Las reuniones funcionan desde esta red',
  'check.best.text': 'El audio y el vídeo toman el mejor camino, UDP.',
  'check.detour': 'Las reuniones funcionan desde esta red, dando un rodeo',
  'check.detour.text':
    'UDP está bloqueado, así que el audio y el vídeo van por TCP. Funciona, pero puede entrecortarse cuando la ' +
    'red es lenta.',
  'check.blocked': 'Las reuniones no funcionan desde esta red',
  'check.blocked.text':
    'Todos los caminos para el audio y el vídeo están bloqueados. Puede que otra red, como la zona wifi de un ' +
    'teléfono, funcione.',
  'check.admin': 'Qué decir al administrador de su red',
  'check.admin.text':
    'Permita UDP y TCP en el puerto {port} hacia {host} ({where}). Los navegadores envían allí el audio y el ' +
    'vídeo de las reuniones, siempre cifrados (DTLS-SRTP), y a ningún otro servidor.',
  'check.operator':
    'Si nadie puede unirse desde ningún sitio, la dirección o el puerto del servidor está mal configurado: ' +
    'dígaselo a su operador.',
  'check.devices': 'Dispositivos',
  'check.devices.ok': {
    one: 'Se ha encontrado un micrófono o una cámara.',
    other: 'Se han encontrado {n} micrófonos y cámaras.',
  },
  'check.devices.none': 'No se ha encontrado micrófono ni cámara. Aun así puede ver y escuchar.',
  'check.signin': 'Inicie sesión para probar también el canal de señalización.',
  'check.status.ok': 'Funciona',
  'check.status.bad': 'Bloqueado',
  'check.status.warn': 'Nota',
  'check.status.none': 'No ofrecido',
  'check.status.run': 'Probando…',
  'check.status.wait': 'Aún sin probar',
};
