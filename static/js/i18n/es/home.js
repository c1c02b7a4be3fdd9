// Spanish: the page to make a meeting.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Home>} */
export default {
  optional: 'opcional',
  'home.welcome': 'Una sala propia, mientras dure la conversación.',
  'home.lead':
    'Inicie una reunión y comparta su enlace. Cuando termina no queda nada: ni grabación, ni chat, ni lista de ' +
    'quién estuvo.',
  'home.new': 'Nueva reunión',
  'home.new.options': 'Opciones de la reunión',
  'home.join': 'Unirse',
  'home.join.label': 'Dirección o ID de la reunión',
  'home.join.placeholder': 'k7qm-2f9x-w3dj-8hrt',
  'home.join.invalid':
    'Esa no es una dirección de reunión. Pegue el enlace completo o escriba los cuatro grupos de cuatro letras y ' +
    'dígitos.',
  'home.fact.gone': 'Desaparece al terminar',
  'home.fact.gone.text': {
    one: 'Las reuniones solo existen en la memoria, durante una hora como máximo.',
    other: 'Las reuniones solo existen en la memoria, durante {n} horas como máximo.',
  },
  'home.fact.none': 'No se graba nada',
  'home.fact.none.text': 'Ni grabaciones, ni historial de chat, ni analíticas.',
  'home.fact.audited': 'El contenido no se graba',
  'home.fact.audited.text': 'Ni grabaciones ni historial de chat. Este servidor registra quién hace qué y cuándo.',
  'home.fact.here': 'Un servidor, sin terceros',
  'home.fact.here.text': 'Esta página solo se conecta al servidor del que procede.',
  'home.nohost': 'Puede unirse a reuniones en este servidor, pero no crearlas.',
  'options.title': 'Título',
  'options.title.placeholder': 'Reunión de equipo',
  'options.password': 'Contraseña de la reunión',
  'options.password.help': 'Todas las personas que se unan deben escribirla. No la envíe junto con el enlace.',
  'options.lobby.help': 'Usted admite a las personas una a una o todas a la vez.',
  'options.guests': 'Invitados',
  'options.guests.help': 'Quienes no han iniciado sesión pueden pedir unirse. Usted ve que no están verificados.',
  'options.leaves': 'Cuando el anfitrión sale',
  'options.leaves.promote': 'Otra persona pasa a ser anfitrión',
  'options.leaves.keep': 'La reunión continúa sin anfitrión',
  'options.leaves.end': 'La reunión termina',
  'options.create': 'Crear reunión',
  'options.private': 'Ocultar al servidor quién habla',
  'options.private.help':
    'No se envían los niveles de audio. No se muestra quién habla y las voces más fuertes no tienen prioridad.',
  'options.e2ee': 'Cifrado de extremo a extremo',
  'options.e2ee.help': 'Solo las personas de la reunión la ven, la oyen y la leen. Este servidor no.',
  'options.e2ee.off':
    'Todas las personas ven siempre un aviso de que este servidor podría ver y oír la reunión. No podrá ' +
    'cambiarlo después.',
  'options.confidential': 'Reunión confidencial',
  'options.confidential.help': 'Cifrada, con sala de espera, sin invitados. Unas marcas de agua muestran quién mira.',
  'options.confidential.all':
    'Las reuniones en este servidor son confidenciales: cifradas, con sala de espera y sin invitados.',
  'rooms.title': 'Sus salas',
  'rooms.lead':
    'El enlace de una sala no cambia: planifíquela, envíelo y ábrala cuantas veces quiera. Las salas solo ' +
    'están en este dispositivo.',
  'rooms.new': 'Nueva sala',
  'rooms.make': 'Crear sala',
  'rooms.made': 'Su sala está lista. Ya puede enviar el enlace; llevará dentro cuando usted la abra.',
  'rooms.passing':
    'Este navegador no guarda nada. La sala desaparece al cerrar esta página, salvo que la guarde en un archivo.',
  'rooms.full': 'Salas en este dispositivo: {n} como máximo. Borre una antes.',
  'rooms.name': 'Nombre',
  'rooms.name.empty': 'Dé un nombre a la sala.',
  'rooms.password.help': 'Envíela aparte del enlace. Se guarda con la sala, en este dispositivo.',
  'rooms.open': 'Abrir',
  'rooms.open.named': 'Abrir {name}',
  'rooms.more': 'Más sobre {name}',
  'rooms.copy': 'Copiar enlace',
  'rooms.copied': 'Enlace copiado.',
  'rooms.calendar': 'Invitación de calendario',
  'rooms.calendar.text':
    'Los calendarios guardan el enlace con su clave. Quien pueda leer el calendario también tiene la clave.',
  'rooms.invitation': 'Entrar en la reunión «{title}»',
  'rooms.when': 'Comienza',
  'rooms.when.empty': 'Elija un día y una hora.',
  'rooms.length': 'Duración',
  'rooms.minutes': '{n} min',
  'rooms.repeat': 'Se repite',
  'rooms.repeat.none': 'Nunca',
  'rooms.repeat.daily': 'Cada día',
  'rooms.repeat.weekly': 'Cada semana',
  'rooms.repeat.monthly': 'Cada mes',
  'rooms.export': 'Guardar en un archivo',
  'rooms.export.text': 'Quien tenga el archivo puede abrir esta sala y dejar entrar a otros. Guárdelo como una llave.',
  'rooms.import': 'Desde un archivo',
  'rooms.imported': 'Salas añadidas: {n}',
  'rooms.import.failed': 'No es un archivo de salas, o contiene demasiadas.',
  'rooms.erase': 'Borrar',
  'rooms.erase.title': '¿Borrar {name}?',
  'rooms.erase.text':
    'Sin un archivo guardado, su enlace no podrá abrirse de nuevo y las invitaciones no llevarán a ningún sitio.',
  'notopen.title': 'Aún no está abierta',
  'notopen.text': 'Aún no está abierta, o el enlace está incompleto. Podrá pedir entrar cuando el anfitrión empiece.',
  'notopen.mine': 'Esta es su reunión. Quienes la esperan podrán pedir entrar cuando usted la abra.',
  'notopen.back': 'El anfitrión tiene que volver a abrir esta reunión. Continuará solo en cuanto esté abierta.',
  'notopen.now': 'La reunión ya está abierta.',
  'notopen.open': 'Abrir',
};
