// Spanish: what the first screens may say, and every error.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Start>} */
export default {
  close: 'Cerrar',
  cancel: 'Cancelar',
  dismiss: 'Descartar',
  retry: 'Reintentar',
  toasts: 'Avisos',
  loading: 'Cargando…',
  home: 'Volver al inicio',
  language: 'Idioma',
  'language.unreviewed': 'Aún sin revisar por una persona nativa.',
  'signin.title': 'Iniciar sesión',
  'signin.lead.audited': 'Le enviaremos un código de acceso por correo. No hay cuentas.',
  'signin.lead':
    'Le enviaremos un código de acceso por correo. No hay cuentas, y el servidor olvida su dirección cuando ' +
    'termina su sesión.',
  'signin.lead.meeting':
    'Para unirse a esta reunión, confirme su dirección de correo con un código de acceso. No hay cuentas.',
  'signin.email': 'Dirección de correo',
  'signin.email.invalid': 'Escriba una dirección de correo, como ana@example.org.',
  'signin.send': 'Enviar código',
  'signin.checking': 'Comprobando su navegador… Tarda unos segundos.',
  'signin.code.title': 'Escriba su código de acceso',
  'signin.code.lead':
    'Hemos enviado un código de {n} dígitos a {email}. Puede tardar un minuto. Mire también en la carpeta de ' +
    'correo no deseado.',
  'signin.code.terminal': 'El código para {email} está en el terminal donde se ejecuta el servidor. Tiene {n} dígitos.',
  'signin.code.failing':
    'Ahora mismo no podemos enviar correos. Si se soluciona pronto, su código llegará solo. Si no, inténtelo más ' +
    'tarde.',
  'signin.code': 'Código de acceso',
  'signin.code.invalid': 'Escriba los {n} dígitos del código.',
  'signin.verify': 'Iniciar sesión',
  'signin.resend': 'Enviar un código nuevo',
  'signin.resend.in': 'Enviar un código nuevo en {s} s',
  'signin.resent': 'Hemos enviado un código nuevo. Los anteriores ya no sirven.',
  'signin.other': 'Usar otra dirección',
  'signin.expires': { one: 'El código caduca en un minuto.', other: 'El código caduca en {n} minutos.' },
  'signin.again': 'Su sesión ha terminado. Inicie sesión de nuevo para continuar.',
  guest: 'Invitado',
  'guest.title': 'Está aquí como invitado',
  'guest.join': 'Unirse como invitado',
  'guest.off': 'Este servidor no admite invitados. Inicie sesión con su dirección de correo.',
  'guest.signin': 'Iniciar sesión con su dirección de correo',
  'guest.signin.instead': 'Iniciar sesión con su dirección de correo en su lugar',
  'guest.meeting.title': 'Esta reunión no admite invitados',
  'guest.meeting.text':
    'El anfitrión solo deja entrar a quienes han iniciado sesión. Inicie sesión con su dirección de correo.',
  'home.signedin': 'Sesión iniciada como {email}',
  'home.signout': 'Cerrar sesión',
  'home.operator': 'Operado por {operator}',
  'home.version': 'Conclave {version}',
  'home.check': 'Comprobar mi conexión',
  'options.lobby': 'Sala de espera',
  'prejoin.title': '¿Todo listo para unirse?',
  'prejoin.untitled': 'Reunión',
  'prejoin.name': 'Su nombre',
  'prejoin.name.remember': 'Recordar mi nombre en este dispositivo',
  'prejoin.name.empty': 'Escriba el nombre que verán los demás.',
  'prejoin.name.long': 'Un nombre puede tener hasta 64 caracteres.',
  'prejoin.name.characters': 'El nombre contiene un carácter que no se puede mostrar.',
  'prejoin.password': 'Contraseña de la reunión',
  'prejoin.password.empty': 'Escriba la contraseña de la reunión.',
  'prejoin.join': 'Unirse ahora',
  'prejoin.ask': 'Pedir unirse',
  'prejoin.joining': 'Uniéndose…',
  'prejoin.preview': 'Su cámara está apagada',
  'prejoin.preview.ask':
    'No se capta nada hasta que usted lo active. Los demás solo le ven y le oyen después de unirse.',
  'prejoin.preview.on': 'Los demás solo le ven y le oyen después de unirse.',
  'prejoin.back': 'Ha vuelto a la reunión. Su micrófono y su cámara están apagados.',
  'prejoin.back.on': 'Volver a activar',
  'prejoin.elsewhere': 'Ya está en esta reunión en otra pestaña.',
  'prejoin.switch': 'Cambiar aquí',
  'prejoin.enable': 'Activar cámara y micrófono',
  'prejoin.enable.mic': 'Activar micrófono',
  'prejoin.enable.camera': 'Activar cámara',
  'prejoin.off.miccamera': 'Su micrófono y su cámara están apagados: no le verán ni le oirán.',
  'prejoin.off.mic': 'Su micrófono está apagado: no le oirán.',
  'prejoin.off.camera': 'Su cámara está apagada: no le verán.',
  'prejoin.level': 'Nivel del micrófono',
  'prejoin.level.silent':
    'Su micrófono no da sonido. Diga algo: la barra debería moverse. Si no, elija otro micrófono.',
  'prejoin.speaker.test': 'Probar altavoz',
  'prejoin.speaker.playing': 'Reproduciendo un tono…',
  'prejoin.people': { one: 'Hay una persona en la reunión.', other: 'Hay {n} personas en la reunión.' },
  'prejoin.people.none': 'Todavía no hay nadie.',
  'prejoin.locked': 'El anfitrión ha bloqueado esta reunión. Ahora mismo nadie puede unirse.',
  'prejoin.ends': 'Termina a las {time} como máximo.',
  'prejoin.lobby': 'El anfitrión deja entrar a las personas. Ve su nombre y su dirección de correo.',
  'prejoin.lobby.guest': 'El anfitrión deja entrar a las personas. Ve su nombre y que es un invitado sin verificar.',
  'prejoin.host': 'Usted creó esta reunión.',
  'security.on': 'Cifrada de extremo a extremo',
  'security.on.text': 'El servidor no puede ver ni oír esta reunión, ni leer su chat ni los nombres que hay en ella.',
  'security.off': 'Sin cifrado de extremo a extremo',
  'security.noreview': 'El cifrado no se ha sometido a una revisión independiente.',
  'security.limits':
    'Aun así, el servidor sabe quién se une y cuándo, las direcciones de red, quién habla y a qué volumen, y ' +
    'cuántos datos se envían. El cifrado no protege frente a una página alterada, un dispositivo comprometido o ' +
    'un participante que graba.',
  'elsewhere.title': 'Ya está en esta reunión',
  'elsewhere.text':
    'Este dispositivo está en la reunión en otra pestaña o ventana. Si cambia aquí, saldrá de ella allí.',
  'badlink.incomplete.title': 'Este enlace está incompleto',
  'badlink.incomplete.text': 'La parte después de # es la clave. Pida el enlace completo.',
  'badlink.downgrade.title': 'Esta reunión no coincide con su enlace',
  'badlink.downgrade.text':
    'El enlace es de una reunión cifrada, pero el servidor dice que no está cifrada. Por seguridad, no se ha ' +
    'unido.',
  'security.transport.text':
    'Su audio y su vídeo van cifrados entre usted y el servidor, y entre el servidor y los demás. El propio ' +
    'servidor tiene acceso a ellos mientras los reenvía. No los graba ni los guarda, pero su operador podría ' +
    'escuchar.',
  'security.none.stored': 'No se guarda nada',
  'security.none.stored.text': 'La reunión solo existe en la memoria. Cuando termina, todo desaparece.',
  'confidential.title': 'Reunión confidencial',
  'confidential.what':
    'Un anfitrión admite a cada participante. Las imágenes llevan su nombre y la hora. Tras 15 minutos de ' +
    'ausencia, se cierra su sesión.',
  'confidential.recording':
    'Ningún navegador puede detectar ni impedir una grabación. Cualquiera aquí podría filmar su pantalla o ' +
    'grabar el sonido.',
  'audit.title': 'Este servidor lleva un registro de auditoría',
  'audit.records':
    'Registra quién inicia sesión, se une, sale, comparte su pantalla o administra una reunión, y cuándo. Solo ' +
    'pueden leerlo las personas que el operador ha elegido.',
  'audit.never': 'Nunca registra lo que usted dice, muestra, escribe o pone como nombre.',
  'device.mic': 'Micrófono',
  'device.camera': 'Cámara',
  'device.speaker': 'Altavoz',
  'device.default': 'Predeterminado del sistema',
  'device.unnamed': '{kind} {n}',
  'device.denied.camera':
    'Su navegador bloquea la cámara. Permítala al principio de la barra de direcciones e inténtelo de nuevo.',
  'device.denied.mic':
    'Su navegador bloquea el micrófono. Permítalo al principio de la barra de direcciones e inténtelo de nuevo.',
  'device.denied.screen': 'Su pantalla no se ha compartido: el navegador o el sistema no lo permite.',
  'device.denied.both':
    'Su navegador bloquea el micrófono y la cámara. Permítalos al principio de la barra de direcciones e ' +
    'inténtelo de nuevo.',
  'device.missing.both': 'No se ha encontrado micrófono ni cámara. Aun así puede unirse, ver y escuchar.',
  'device.missing.camera': 'No se ha encontrado ninguna cámara. Puede unirse sin ella.',
  'device.missing.mic': 'No se ha encontrado ningún micrófono. Aun así puede unirse y escuchar.',
  'device.busy.camera': 'Otro programa está usando la cámara.',
  'device.busy.mic': 'Otro programa está usando el micrófono.',
  'device.failed': 'No se ha podido iniciar el dispositivo.',
  'device.lost.mic': 'Su micrófono se ha detenido. Los demás no le oyen.',
  'device.lost.camera': 'Su cámara se ha detenido. Los demás no le ven.',
  'device.use': 'Usar {name}',
  'device.insecure': 'La cámara y el micrófono solo funcionan en una página segura (https).',
  'call.title': 'Reunión',
  'call.mic.on': 'Silenciar',
  'call.mic.off': 'Activar micrófono',
  'call.camera.on': 'Apagar cámara',
  'call.camera.off': 'Encender cámara',
  'call.back.title': '¿Salir de la reunión?',
  'call.back.text': 'Puede volver a unirse mientras siga en curso.',
  'call.leave.only': 'Salir de la reunión',
  'error.title': 'Eso no ha funcionado',
  'error.unknown': 'Algo ha salido mal.',
  'error.network': 'No se puede contactar con el servidor. Compruebe su conexión.',
  'error.identity_present': 'Ya está en esta reunión en otra pestaña o ventana.',
  'error.log_gone': 'La reunión siguió sin usted. Únase de nuevo.',
  'error.not_taken': 'Alguien fue más rápido. Inténtelo de nuevo.',
  'error.bad_json': 'Esta página y el servidor no se han entendido. Recargue la página.',
  'error.unknown_type': 'Esta página y el servidor no se corresponden. Recargue la página.',
  'error.invalid_request': 'El servidor no ha aceptado estos datos.',
  'error.too_large': 'Es demasiado largo.',
  'error.version': 'Esta página está desactualizada. Recárguela.',
  'error.not_joined': 'Todavía no está en la reunión.',
  'error.already_joined': 'Ya está en la reunión.',
  'error.no_such_meeting':
    'No hay ninguna reunión en esta dirección. Puede que haya terminado o que el enlace sea incorrecto.',
  'error.wrong_password': 'Esa no es la contraseña de la reunión.',
  'error.meeting_full': 'La reunión está llena. Inténtelo más tarde.',
  'error.server_full': 'El servidor está lleno. Inténtelo más tarde.',
  'error.server_full.in': {
    one: 'El servidor está lleno. Inténtelo de nuevo en un segundo.',
    other: 'El servidor está lleno. Inténtelo de nuevo en {n} segundos.',
  },
  'error.meeting_locked': 'El anfitrión ha bloqueado esta reunión. Ahora mismo nadie puede unirse.',
  'error.banned': 'Tiene bloqueado el acceso a esta reunión.',
  'error.resume_failed': 'Reconectando…',
  'error.not_permitted': 'Su rol no lo permite.',
  'error.no_such_participant': 'Esa persona ha salido de la reunión.',
  'error.bad_offer': 'No se han podido preparar el audio y el vídeo en este navegador.',
  'error.no_media': 'El audio y el vídeo aún no están preparados.',
  'error.rate_limited': 'Demasiadas solicitudes. Espere un momento e inténtelo de nuevo.',
  'error.rate_limited.in': {
    one: 'Demasiados intentos. Inténtelo de nuevo en un segundo.',
    other: 'Demasiados intentos. Inténtelo de nuevo en {n} segundos.',
  },
  'error.unauthenticated': 'Primero inicie sesión.',
  'error.bad_origin': 'Esta página se ha abierto en una dirección distinta de la que espera el servidor.',
  'error.not_found': 'El servidor no conoce esta dirección. Recargue la página.',
  'error.method_not_allowed': 'Esta página y el servidor no se corresponden. Recargue la página.',
  'error.unknown_host': 'El servidor no responde en esta dirección. Compruebe el enlace.',
  'error.https_only': 'Este servidor solo se puede usar mediante https.',
  'error.audit_unavailable':
    'El servidor no puede escribir su registro de auditoría, así que ahora mismo no puede hacer esto.',
  'error.internal': 'Algo ha salido mal en el servidor. Inténtelo de nuevo.',
  'error.invalid_email': 'Escriba una dirección de correo, como ana@example.org.',
  'error.invalid_code': 'Ese código no es correcto. Use el código más reciente que le hemos enviado.',
  'error.code_expired': 'Ese código ha caducado. Pida uno nuevo.',
  'error.proof_needed': 'Muchas personas están iniciando sesión ahora mismo. Inténtelo de nuevo en un momento.',
  'error.not_allowed': 'Con su dirección no se pueden crear reuniones en este servidor.',
  'error.part':
    'No se ha podido cargar una parte de esta página. Si el servidor acaba de actualizarse, recargue la página.',
  'error.e2ee_required': 'Esta página está desactualizada. Recárguela.',
  'error.timeout': 'El servidor no ha respondido a tiempo.',
  'unsupported.title': 'Este navegador no puede unirse a reuniones',
  'unsupported.text':
    'No es compatible con {what}. Use una versión actual de Firefox, Chrome, Edge o Safari y abra la página ' +
    'mediante https.',
  'notfound.title': 'Página no encontrada',
  'notfound.text': 'Este servidor no tiene ninguna página en esta dirección.',
  'meeting.bad.title': 'Esa no es una dirección de reunión',
  'meeting.bad.text':
    'Una dirección de reunión tiene cuatro grupos de cuatro letras y dígitos, como k7qm-2f9x-w3dj-8hrt.',
  'signin.restarted': 'El servidor se ha reiniciado. Inicie sesión de nuevo y seguirá donde estaba.',
  'notopen.guest':
    'Aún no está abierta, o es solo para quienes inician sesión. Si admite invitados, continuará cuando el ' +
    'anfitrión empiece.',
  'error.challenge_expired': 'Ha tardado demasiado. Inténtelo de nuevo.',
};
